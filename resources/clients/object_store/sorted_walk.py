"""A walk over folders whose keys come in bytewise order of the *whole* key, with one folder a level in memory.

Sorting each folder's names is not enough: ``a-b`` comes before ``a/b`` because ``-`` is smaller than ``/``, yet the
name ``a`` comes before ``a-b``. So a folder takes part in the order as its name with the slash behind it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rag_core.objects import ListedPage, ObjectInfo, Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of a folder by its whole key, a folder's ending in a slash."""

    key: str
    info: ObjectInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One folder's entries, in any order, and what could not be looked at in it."""

    entries: Sequence[Entry]
    unreadable: tuple[Unreadable, ...] = ()


def sorted_walk(list_folder: Callable[[str], Level], after_key: str) -> Iterator[Entry | Unreadable]:
    """Yield the objects whose key is greater than ``after_key``, in bytewise order.

    ``list_folder(prefix)`` lists one folder, ``""`` being the root. Python compares strings by code point, which is
    the order of their UTF-8 bytes and of PostgreSQL's ``COLLATE "C"``.
    """
    stack = [_level(list_folder(""), after_key)]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif isinstance(entry, Entry) and entry.key.endswith("/"):
            stack.append(_level(list_folder(entry.key), after_key))
        else:
            yield entry


def _level(level: Level, after_key: str) -> Iterator[Entry | Unreadable]:
    yield from level.unreadable
    for entry in sorted(level.entries, key=lambda each: each.key):
        if entry.key > after_key or (entry.key.endswith("/") and after_key.startswith(entry.key)):
            yield entry


def in_pages(
    walked: Iterator[Entry | Unreadable], look: Callable[[Entry], ObjectInfo | None], *, after_key: str, page_size: int
) -> Iterator[ListedPage]:
    """Cut a walk into pages; ``look`` describes an entry, or returns None when it is gone or not a document."""
    objects: list[ObjectInfo] = []
    unreadable: list[Unreadable] = []
    through = after_key
    visited = 0
    for entry in walked:
        if isinstance(entry, Unreadable):
            unreadable.append(entry)
            continue
        through = entry.key
        visited += 1
        info = look(entry)
        if info is not None:
            objects.append(info)
        if visited == page_size:
            yield ListedPage(objects=tuple(objects), through=through, complete=False, unreadable=tuple(unreadable))
            objects, visited = [], 0
    yield ListedPage(objects=tuple(objects), through=through, complete=True, unreadable=tuple(unreadable))
