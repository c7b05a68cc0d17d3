"""Templates over a message's fields: ``{channel}/{page}``, ``{after.name|before.name}``, ``{user|"somebody"}``.

A field is named by its path: names between dots, ``[0]`` for a list's item, ``["a.b"]`` for a name with dots in it.
Between bars stand alternatives, of which the first that is there is taken; the last may be a text in quotes. ``{{`` and
``}}`` are braces. Compiled once, when the collection file is read.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias, cast

from rag_core.messages.reading import Fields, printed

Path: TypeAlias = tuple[str | int, ...]

_PIECES = re.compile(r"\{\{|\}\}|\{((?:[^{}\"]|\"[^\"]*\")*)\}|[{}]")
_STEP = re.compile(r"\.?([^.\[\]\"|\s][^.\[\]\"|]*)|\[([0-9]{1,9})\]|\[\"([^\"]+)\"\]")
_ALTERNATIVES = re.compile(r"(?:[^|\"]|\"[^\"]*\")+")
_MAX_STEPS = 16
_MAX_FIELDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field in braces: where to look for it, one place after the other, and what stands for it if it is nowhere.

    ``key`` is set where the field is simply one of the message's own.
    """

    name: str
    key: str | None
    paths: tuple[Path, ...]
    otherwise: str | None

    def find(self, fields: Fields) -> object:
        """Return the field's value; None where it is missing or null."""
        if self.key is not None:
            return fields.get(self.key)
        for path in self.paths:
            value: object = fields
            for step in path:
                value = _step(value, step)
                if value is None:
                    break
            if value is not None:
                return value
        return self.otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Texts and fields in turn; ``only_field`` is the field where it is nothing but one."""

    parts: tuple[str | Field, ...]
    only_field: Field | None

    @property
    def has_fields(self) -> bool:
        """Whether any message can make a difference."""
        return any(isinstance(part, Field) for part in self.parts)

    @property
    def described(self) -> str:
        """The names of the template's fields, for what is said about it."""
        return ", ".join(part.name for part in self.parts if isinstance(part, Field))

    def rendered(self, fields: Fields) -> str | None:
        """Return the text; None where one of the fields is missing or null. Raises ``MessageRejected``."""
        out = ""
        for part in self.parts:
            if isinstance(part, str):
                out += part
                continue
            value = fields.get(part.key) if part.key is not None else part.find(fields)
            text = value if isinstance(value, str) else printed(part.name, value)
            if text is None:
                return None
            out += text
        return out


def compiled(template: str) -> Template:
    """Return a template ready for use; raises ``ValueError`` that says what is wrong with it."""
    parts: list[str | Field] = []
    at = 0
    for found in _PIECES.finditer(template):
        _literal(parts, template[at : found.start()])
        at = found.end()
        if found[0] in {"{{", "}}"}:
            _literal(parts, found[0][0])
        elif found[1] is None:
            message = f"a brace without its other half in {template!r}; a brace itself is written twice"
            raise ValueError(message)
        else:
            parts.append(_field(found[1]))
    _literal(parts, template[at:])
    if sum(isinstance(part, Field) for part in parts) > _MAX_FIELDS:
        message = f"more than {_MAX_FIELDS} fields in one template"
        raise ValueError(message)
    only = parts[0] if len(parts) == 1 and isinstance(parts[0], Field) else None
    return Template(parts=tuple(parts), only_field=only)


def _literal(parts: list[str | Field], text: str) -> None:
    if text and parts and isinstance(parts[-1], str):
        parts[-1] += text
    elif text:
        parts.append(text)


def _field(written: str) -> Field:
    paths: list[Path] = []
    otherwise: str | None = None
    alternatives = [text.strip() for text in _ALTERNATIVES.findall(written)]
    for place, text in enumerate(alternatives):
        if text.startswith('"') and text.endswith('"') and len(text) > 1 and place == len(alternatives) - 1:
            otherwise = text[1:-1]
        else:
            paths.append(_path(text))
    if not paths:
        message = f"{{{written}}} names no field"
        raise ValueError(message)
    is_own = len(paths) == 1 and len(paths[0]) == 1 and otherwise is None
    key = paths[0][0] if is_own else None
    return Field(
        name=written.strip(), key=key if isinstance(key, str) else None, paths=tuple(paths), otherwise=otherwise
    )


def _path(text: str) -> Path:
    steps: list[str | int] = []
    at = 0
    while at < len(text) and len(steps) < _MAX_STEPS and not text.startswith("."):
        found = _STEP.match(text, at)
        if found is None:
            break
        steps.append(int(found[2]) if found[2] else found[3] or found[1].strip())
        at = found.end()
    if not steps or at < len(text):
        message = f'{text!r} is no field\'s path: names between dots, [0] for an item, ["a.b"] for a name with dots'
        raise ValueError(message)
    return tuple(steps)


def _step(value: object, step: str | int) -> object:
    if type(value) is dict:
        return cast("Fields", value).get(step) if type(step) is str else None
    if type(value) is list and type(step) is int:
        items = cast("list[object]", value)
        return items[step] if step < len(items) else None
    return None
