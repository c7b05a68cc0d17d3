"""Where a document's metadata, title and groups come from: the source's rules, applied in order; pure.

A later rule overrides an earlier one, field by field. Two fields mean something to the platform itself: ``title`` and
``allowed_groups``. Groups never widen by accident: what cannot be read as a list of groups is an error, not "everyone".
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Literal, cast

from rag_core.access import narrowed_groups, stored_groups
from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.identity import Json
from rag_core.index_spec import Payload
from rag_core.metadata_rules import (
    FrontMatterMetadata,
    MetadataRule,
    ObjectMetadata,
    PathMetadata,
    SidecarMetadata,
    TagsMetadata,
)
from rag_core.plain_yaml import check_plain

# Users write these two fields by the names that points carry.
TITLE = Payload.TITLE
ALLOWED_GROUPS = Payload.ALLOWED_GROUPS
MAX_FIELDS = 64
MAX_VALUE_CHARS = 4096
MAX_GROUPS = 256
MAX_GROUP_CHARS = 200
MAX_SIDECAR_BYTES = 64 * 1024
_MAX_INTEGER = 2**63 - 1
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAX_DEPTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentMetadata:
    """What the rules say of a document; ``allowed_groups`` is None where none of them names groups.

    ``narrowed_to`` are the groups that a message about the object names: only those of both may find it.
    """

    metadata: Mapping[str, Json]
    allowed_groups: tuple[str, ...] | None
    title: str | None
    narrowed_to: tuple[str, ...] | None = None

    def groups(self, *, default_access: Literal["collection", "nobody"]) -> tuple[str, ...] | None:
        """Return the groups that may find the document; None: nobody names any, and the default holds."""
        if self.narrowed_to is None:
            return None if self.allowed_groups is None else tuple(sorted(set(self.allowed_groups)))
        own = stored_groups(self.allowed_groups, default_access=default_access)
        return narrowed_groups(own, self.narrowed_to)


def resolve_metadata(
    rules: Sequence[MetadataRule],
    *,
    key: str,
    sidecar_text: str | None,
    user_metadata: Mapping[str, str] | None,
    parsed_metadata: Mapping[str, Json],
    tags: Mapping[str, str] | None = None,
    described: str = "",
) -> DocumentMetadata:
    """Apply a source's rules to one document; raises ``DocumentRejected`` (bad metadata) with what to correct.

    ``sidecar_text`` is None where there is no sidecar, ``user_metadata`` and ``tags`` are the store's,
    ``parsed_metadata`` the parser's. ``described`` is what a message says of the
    object (JSON, may be empty): it fills in what no rule names, and its groups narrow.
    """
    said = dict(read_sidecar(described)) if described else {}
    narrowed_to = _groups(said.pop(ALLOWED_GROUPS)) if ALLOWED_GROUPS in said else None
    found: dict[str, Json] = {}
    for rule in rules:
        if isinstance(rule, TagsMetadata):
            found |= _from_tags(rule, tags or {})
        else:
            found |= _from_rule(rule, key, sidecar_text, user_metadata or {}, parsed_metadata)
    found = said | found
    if len(found) > MAX_FIELDS:
        raise _rejected(f"{len(found)} metadata fields, the limit is {MAX_FIELDS}")
    groups = _groups(found.pop(ALLOWED_GROUPS)) if ALLOWED_GROUPS in found else None
    title = found.pop(TITLE, None)
    return DocumentMetadata(
        metadata={name: _plain(name, value) for name, value in sorted(found.items())},
        allowed_groups=groups,
        title=str(title)[:MAX_VALUE_CHARS] if isinstance(title, str | int | float) and str(title).strip() else None,
        narrowed_to=narrowed_to,
    )


def _from_rule(
    rule: PathMetadata | SidecarMetadata | ObjectMetadata | FrontMatterMetadata,
    key: str,
    sidecar_text: str | None,
    user_metadata: Mapping[str, str],
    parsed_metadata: Mapping[str, Json],
) -> Mapping[str, Json]:
    match rule:
        case PathMetadata():
            return _from_path(rule.template, key)
        case SidecarMetadata():
            return {} if sidecar_text is None else read_sidecar(sidecar_text)
        case ObjectMetadata():
            # Stores hand user metadata's names back in lower case.
            lowered = {name.lower(): value for name, value in user_metadata.items()}
            return {name: lowered[name.lower()] for name in rule.fields if name.lower() in lowered}
        case FrontMatterMetadata():
            return {name: parsed_metadata[name] for name in rule.fields if name in parsed_metadata}


def _from_tags(rule: TagsMetadata, tags: Mapping[str, str]) -> Mapping[str, Json]:
    """Take named tags; groups may stand between spaces, because AWS allows no comma in a tag."""
    found: dict[str, Json] = {name: tags[name] for name in rule.fields if name in tags}
    if isinstance(groups := found.get(ALLOWED_GROUPS), str) and "," not in groups:
        found[ALLOWED_GROUPS] = ",".join(groups.split())
    return found


def read_sidecar(text: str) -> Mapping[str, Json]:
    """Return a sidecar's fields, JSON or YAML; raises ``DocumentRejected`` (bad metadata) where it is neither."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_SIDECAR_BYTES:
        raise _rejected(f"the sidecar is longer than {MAX_SIDECAR_BYTES} bytes")
    try:
        value = json.loads(text) if text.lstrip().startswith("{") else _load_yaml(text)
    except (ValueError, RecursionError) as error:
        raise _rejected(f"the sidecar cannot be read: {str(error).splitlines()[0]}") from error
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in cast("dict[object, object]", value)):
        raise _rejected("the sidecar is no mapping of names to values")
    return cast("dict[str, Json]", value)


def _load_yaml(text: str) -> object:
    """Read YAML without tags and aliases: an alias makes a small file expand into a large value."""
    import yaml

    try:
        check_plain(text, max_depth=_MAX_DEPTH + 2)
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        message = f"{getattr(error, 'problem', None) or 'not YAML'}{where}"
        raise ValueError(message) from error


def _from_path(template: str, key: str) -> Mapping[str, Json]:
    found = _path_pattern(template).fullmatch(key)
    return {} if found is None else dict(found.groupdict())


@lru_cache(maxsize=256)
def _path_pattern(template: str) -> re.Pattern[str]:
    """Translate ``{team}/{year}/**``: a name binds one segment or a part of it, ``**`` is any rest, ``*`` a segment."""
    out = ""
    at = 0
    while at < len(template):
        name = re.compile(r"\{([a-z][a-z0-9_]*)\}").match(template, at)
        if name:
            out, at = out + f"(?P<{name[1]}>[^/]+?)", name.end()
        elif template.startswith("**", at):
            out, at = out + ".*", at + 2
        elif template[at] == "*":
            out, at = out + "[^/]*", at + 1
        else:
            out, at = out + re.escape(template[at]), at + 1
    return re.compile(out, re.DOTALL)


def _groups(value: Json) -> tuple[str, ...]:
    """Read groups from a list, or from a text with commas (object metadata holds only texts); empty means nobody."""
    parts: Sequence[Json] = [value]
    if isinstance(value, str):
        parts = value.split(",")
    elif isinstance(value, list | tuple):
        parts = value
    groups = [part.strip() for part in parts if isinstance(part, str)]
    if len(groups) != len(parts) or len(groups) > MAX_GROUPS or any(len(group) > MAX_GROUP_CHARS for group in groups):
        raise _rejected(f"{ALLOWED_GROUPS} must be a list of at most {MAX_GROUPS} names")
    return tuple(sorted({group for group in groups if group}))


def _plain(name: str, value: object, depth: int = 0) -> Json:
    """Return a value as plain JSON (YAML knows dates), bounded in size and depth."""
    if value is None or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, int):  # bool among them
        if abs(value) > _MAX_INTEGER:
            raise _rejected(f"{name} is an integer of more than 64 bits")
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, str):
        if len(value) > MAX_VALUE_CHARS:
            raise _rejected(f"{name} is longer than {MAX_VALUE_CHARS} characters")
        if _UNSTORABLE.search(value):
            raise _rejected(f"{name} holds a NUL or half of a surrogate pair")
        return value
    if depth < _MAX_DEPTH and isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        if len(items) <= MAX_GROUPS:
            return [_plain(name, item, depth + 1) for item in items]
    if depth < _MAX_DEPTH and isinstance(value, dict):
        fields = cast("dict[object, object]", value)
        if len(fields) <= MAX_FIELDS:
            return {str(field): _plain(name, item, depth + 1) for field, item in fields.items()}
    raise _rejected(f"{name} is too large, too deep or of an unknown kind")


def _rejected(what: str) -> DocumentRejected:
    return DocumentRejected(
        QuarantineKind.BAD_METADATA,
        f"Its metadata cannot be used: {what}.",
        remedy="Correct the sidecar, the object's metadata or the front matter; it is looked at again when it changes.",
    )
