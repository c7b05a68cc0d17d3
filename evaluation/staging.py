"""A corpus as a folder of files, one a record, as a source would hold it; what did not change is not touched."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evaluation.datasets import Record

_FOLDERS = 2
"""Hexadecimal digits of the folder a file lies in: a million files in one folder are slow to list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What lies in the source now: each file's key with its record's id, and how much of it is new."""

    ids: dict[str, str]
    written: int
    removed: int


def stage(records: Iterable[Record], folder: Path, *, seen: Callable[[int], None] = lambda _: None) -> Staged:
    """Make ``folder`` hold exactly one file for each record; a file that is right already keeps its time and inode.

    The file's name is the digest of the record's id (ids are other people's and may be no file names); its title
    stands in front matter. ``seen`` is told how many records are done.
    """
    ids: dict[str, str] = {}
    written = 0
    for number, record in enumerate(records, start=1):
        key = key_of(record.id)
        ids[key] = record.id
        written += _put(folder / key, _content(record))
        seen(number)
    removed = 0
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in ids:
            path.unlink()
            removed += 1
    return Staged(ids=ids, written=written, removed=removed)


def key_of(identity: str) -> str:
    """Return the key of a record's file."""
    digest = sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{digest[:_FOLDERS]}/{digest[_FOLDERS:]}.txt"


def _content(record: Record) -> bytes:
    """Return the file: the title as a JSON string, which is YAML too, so that no title can end the front matter."""
    body = record.text if record.text.strip() else record.title
    text = (
        f"---\ntitle: {json.dumps(record.title)}\n---\n{body}\n"
        if record.title
        else f"---\nsource: corpus\n---\n{body}\n"
    )
    return text.encode("utf-8", "replace")


def _put(path: Path, content: bytes) -> bool:
    """Write a file in one step unless it holds just that; a half-written one would be read as a document."""
    try:
        if path.read_bytes() == content:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.write_bytes(content)
    beside.replace(path)
    return True
