"""Collection files: YAML under one folder, read into collections or refused with file, line and field, all at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import yaml
from pydantic import ValidationError

from rag_core.collection import Collection
from rag_core.errors import ConfigurationError
from rag_core.plain_yaml import check_plain
from resources.clients.object_store.overlapping import unusable_roots
from resources.clients.unknown_fields import unknown_field

MAX_FILE_BYTES = 256 * 1024
MAX_FILES = 1000
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedCollection:
    """A collection and the file that declares it; relative urls start at the file's folder."""

    collection: Collection
    path: Path

    @property
    def base_dir(self) -> Path:
        """The folder at which the collection's relative urls start."""
        return self.path.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong in a collection file; ``line`` counts from 1 and is 0 where the whole file is meant."""

    file: Path
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        """Show the problem as compilers do."""
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


def load_collections(folder: Path) -> tuple[LoadedCollection, ...]:
    """Return the folder's collections, ordered by name; raises ``ConfigurationError`` that lists every problem."""
    loaded, problems = _read_all(folder)
    if problems:
        raise ConfigurationError(
            "\n".join(["The collection files are not usable:", *(f"  {problem}" for problem in problems)]),
            remedy="Correct them and run `rag collections check`.",
        )
    return tuple(sorted(loaded, key=lambda each: each.collection.name))


def load_collection(folder: Path, name: str) -> LoadedCollection:
    """Return one collection; what is wrong in other files does not stop it. Raises ``ConfigurationError``."""
    loaded, problems = _read_all(folder)
    for each in loaded:
        if each.collection.name == name:
            return each
    raise ConfigurationError(
        "\n".join([f"There is no usable collection {name!r} in {folder}.", *(f"  {problem}" for problem in problems)]),
        remedy="Correct the files and run `rag collections check`.",
    )


def usable_collections(folder: Path) -> tuple[tuple[LoadedCollection, ...], tuple[Problem, ...]]:
    """Return the usable collections, ordered by name, and what is wrong with the others."""
    loaded, problems = _read_all(folder)
    return tuple(sorted(loaded, key=lambda each: each.collection.name)), tuple(problems)


def check_collections(folder: Path) -> list[Problem]:
    """Return every problem of every collection file; empty means that all are usable."""
    return _read_all(folder)[1]


def _read_all(folder: Path) -> tuple[list[LoadedCollection], list[Problem]]:
    if not folder.is_dir():
        return [], [Problem(file=folder, line=0, field="", message="this folder of collection files is not there")]
    files = sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"} and path.is_file())
    if len(files) > MAX_FILES:
        return [], [Problem(file=folder, line=0, field="", message=f"more than {MAX_FILES} collection files")]
    loaded: list[LoadedCollection] = []
    problems: list[Problem] = []
    declared: dict[str, Path] = {}
    for path in files:
        found = _read(path)
        if isinstance(found, LoadedCollection):
            name = found.collection.name
            if name in declared:
                message = f"{name!r} is declared in {declared[name].name} already"
                found = [Problem(file=path, line=_line_of_name(path), field="name", message=message)]
            else:
                declared[name] = path
        if isinstance(found, LoadedCollection):
            loaded.append(found)
        else:
            problems += found
    return loaded, problems


def _read(path: Path) -> LoadedCollection | list[Problem]:
    def problem(message: str, *, line: int = 0, field: str = "") -> Problem:
        return Problem(file=path, line=line, field=field, message=message)

    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        return [problem(f"cannot be read: {error}")]
    if len(content) > MAX_FILE_BYTES:
        return [problem(f"is larger than {MAX_FILE_BYTES} bytes")]
    try:
        root = _composed(text)
        value = None if root is None else yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return [problem(error.problem or "is not YAML", line=line)]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return [problem(str(error).splitlines()[0])]
    if not isinstance(root, yaml.MappingNode):
        return [problem("a collection file is a mapping that begins with `name:`", line=1)]
    problems = [problem("is written twice", line=line, field=field) for field, line in _duplicate_fields(root)]
    try:
        collection = Collection.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        for each in found:
            if each["type"] == "too_short" and any(_is_inside(other["loc"], each["loc"]) for other in found):
                continue  # pydantic counts only the items that are right, and says what is wrong with the others
            field, line = _place(root, each["loc"])
            is_unknown = each["type"] == "extra_forbidden"
            said = unknown_field(Collection, each["loc"]) if is_unknown else each["msg"].removeprefix("Value error, ")
            problems.append(problem(said, line=line, field=field))
        return sorted(problems, key=lambda each: each.line)
    for index, message in unusable_roots(collection.sources, path.absolute().parent):
        field, line = _place(root, ["sources", index, "url"])
        problems.append(problem(message, line=line, field=field))
    return problems or LoadedCollection(collection=collection, path=path.absolute())


def _composed(text: str) -> yaml.Node | None:
    """Return the YAML's nodes with their places."""
    check_plain(text, max_depth=_MAX_DEPTH)
    # PyYAML has no types
    return cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]


def _duplicate_fields(node: yaml.Node, at: str = "") -> Iterator[tuple[str, int]]:
    """Yield the fields that a mapping holds twice: YAML readers silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in _pairs(node):
            field = f"{at}.{key.value}".lstrip(".")
            if field in seen:
                yield field, key.start_mark.line + 1
            seen.add(field)
            yield from _duplicate_fields(value, field)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(_items(node)):
            yield from _duplicate_fields(item, f"{at}[{index}]")


def _is_inside(inner: tuple[str | int, ...], outer: tuple[str | int, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _place(root: yaml.MappingNode, loc: Sequence[str | int]) -> tuple[str, int]:
    """Return the field's path and its line; pydantic's own steps (a union's tag) lead nowhere and are left out."""
    node: yaml.Node = root
    field, line = "", root.start_mark.line + 1
    for index, step in enumerate(loc):
        if isinstance(step, int):
            items = _items(node) if isinstance(node, yaml.SequenceNode) else []
            if step < len(items):
                node, field = items[step], f"{field}[{step}]"
                line = node.start_mark.line + 1
            continue
        pairs = {key.value: (key, value) for key, value in _pairs(node)} if isinstance(node, yaml.MappingNode) else {}
        if step in pairs:
            key, node = pairs[step]
            field, line = f"{field}.{step}".lstrip("."), key.start_mark.line + 1
        elif index == len(loc) - 1:
            field = f"{field}.{step}".lstrip(".")  # a required field that is not there: the line of what lacks it
    return field, line


def _pairs(node: yaml.MappingNode) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
    return [(key, value) for key, value in pairs if isinstance(key, yaml.ScalarNode)]


def _items(node: yaml.SequenceNode) -> list[yaml.Node]:
    return cast("list[yaml.Node]", node.value)


def _line_of_name(path: Path) -> int:
    root = _composed(path.read_text(encoding="utf-8"))
    return _place(root, ["name"])[1] if isinstance(root, yaml.MappingNode) else 0
