"""What the server owns, in one small file: collections with their folders, and aliases.

The file is replaced whole (written beside, synced, renamed), so whoever reads it sees the old state or the new one. A
folder that it does not name belongs to no collection: it is what a crash left, and is removed at the next start.
"""

import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from local_stack.edge_server.json_fields import JsonObject
from local_stack.edge_server.limits import MAX_NAME_CHARACTERS
from local_stack.edge_server.refusals import Malformed

FORMAT = 1
_REFUSED_CHARACTERS = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')


class UnreadableManifest(Exception):
    """The manifest is damaged or of another version; nothing was touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One collection: its folder's name, configuration and metadata, and how many points its HNSW graphs know."""

    folder: str
    config: JsonObject
    metadata: JsonObject | None = None
    optimized_points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Collections and aliases by name."""

    collections: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])

    def folders(self) -> set[str]:
        """Return the names of the folders that belong to a collection."""
        return {entry.folder for entry in self.collections.values()}


def read_manifest(path: Path) -> Manifest:
    """Return the manifest, an empty one if there is none yet; raises ``UnreadableManifest``."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Manifest()
    try:
        raw: dict[str, Any] = orjson.loads(content)
        if raw["format"] != FORMAT:
            raise UnreadableManifest(f"{path} has format {raw['format']!r}, this server reads {FORMAT}")
        collections = {name: Entry(**entry) for name, entry in raw["collections"].items()}
        return Manifest(collections=collections, aliases=dict(raw["aliases"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableManifest(f"{path} is damaged: {error}") from error


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Replace the manifest; when this returns, the new one survives a power cut."""
    collections = {name: asdict(entry) for name, entry in manifest.collections.items()}
    raw = {"format": FORMAT, "collections": collections, "aliases": dict(manifest.aliases)}
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(orjson.dumps(raw, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames, creations and deletions in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checked_name(name: Any, what: str) -> str:
    """Return a name of a collection or alias that Qdrant would take; raises ``Malformed``."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise Malformed(f"Wrong input: {what} must have 1 to {MAX_NAME_CHARACTERS} characters")
    if _REFUSED_CHARACTERS.search(name) or name in {".", ".."}:
        raise Malformed(f'Wrong input: {what} cannot contain control characters or any of <>:"/\\|?*')
    return name


def new_folder_name(collection: str) -> str:
    """Return a folder name never used before that people recognise and no path can hide in."""
    recognisable = re.sub(r"[^a-z0-9_-]", "_", collection.lower())[:40]
    return f"{recognisable}-{uuid.uuid4().hex[:12]}"
