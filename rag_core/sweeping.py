"""What a sweep concludes from a page of a listing and the catalog's rows of the same key range; pure.

A sweep compares two streams that are sorted the same way, bytewise by key, and remembers of them only how far it got.

1. What the listing holds and the catalog does not, or holds with another announced version, is observed.
2. What the catalog holds and the listing does not is *missing*, a candidate for deletion, but only if it was last
   recorded before the sweep began: what was recorded since was seen by someone who looked later.
3. Nothing is concluded about keys in a part of the source that could not be looked at.
4. Only a complete sweep turns candidates into deletions, and only as many as ``safety_of`` lets through unasked.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol
from uuid import UUID

from pydantic import TypeAdapter

from rag_core.arrivals import Presence
from rag_core.identity import Json
from rag_core.objects import ListedPage, ObjectInfo, announced_version, sidecar_key


class Known(Protocol):
    """What the catalog recorded last of a key of a source."""

    @property
    def key(self) -> str:
        """The object's key, relative to the source's root."""
        ...

    @property
    def presence(self) -> Presence:
        """Whether it was there."""
        ...

    @property
    def announced(self) -> str:
        """The version it announced."""
        ...

    @property
    def recorded_at(self) -> datetime:
        """When that was recorded, by the catalog's clock."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A selected object of a listing with the version it and its sidecar announce."""

    key: str
    announced: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlan:
    """What to do about the keys up to ``through``: observe ``changed``, keep ``missing`` as candidates."""

    through: str
    complete: bool
    looked_at: int
    changed: tuple[Announced, ...]
    missing: tuple[str, ...]


def plan_page(
    *,
    after_key: str,
    listed: ListedPage,
    selected: Sequence[Announced],
    known: Sequence[Known],
    known_complete: bool,
    began_at: datetime,
) -> PagePlan:
    """Compare the part of both streams that both have brought, beginning after ``after_key``.

    ``selected`` are the page's documents; ``known`` are the catalog's rows after ``after_key``, all of them if
    ``known_complete``, otherwise as many as one look brings: whichever stream ends first bounds the comparison.
    """
    ends = [listed.through] if not listed.complete else []
    ends += [known[-1].key] if not known_complete else []
    through = min(ends) if ends else max([listed.through, after_key, *(row.key for row in known[-1:])])
    complete = not ends
    there = {each.key: each for each in selected if after_key < each.key <= through}
    present = {row.key: row for row in known if row.presence is Presence.PRESENT and row.key <= through}
    unseen = tuple(each.prefix for each in listed.unreadable)
    return PagePlan(
        through=through,
        complete=complete,
        looked_at=sum(after_key < info.key <= through for info in listed.objects),
        changed=tuple(
            each for key, each in there.items() if key not in present or present[key].announced != each.announced
        ),
        missing=tuple(
            key
            for key, row in present.items()
            if key not in there and row.recorded_at < began_at and not key.startswith(unseen)
        ),
    )


def announce(
    listed: ListedPage,
    *,
    is_selected: Callable[[str], bool],
    sidecar_suffix: str | None,
    look: Callable[[str], ObjectInfo | None],
    tags_of: Callable[[Sequence[str]], Mapping[str, str]] | None = None,
) -> tuple[Announced, ...]:
    """Return the page's documents with what they announce, sidecars found wherever they sort.

    A sidecar sorts behind its object but not always right behind it, and what may come between starts with the
    object's key. So only the few objects at a page's end whose sidecar may lie beyond it are looked up one by one.
    ``tags_of`` returns what the documents' tags announce, where the source's metadata comes from tags.
    """
    by_key = {info.key: info for info in listed.objects}

    def sidecar_of(key: str) -> ObjectInfo | None:
        name = sidecar_key(key, sidecar_suffix)
        if name is None:
            return None
        if name in by_key or listed.complete or name <= listed.through:
            return by_key.get(name)
        return look(name)

    documents = [info for info in listed.objects if is_selected(info.key)]
    tags: Mapping[str, str] = {}
    if tags_of is not None and documents:
        tags = tags_of([info.key for info in documents])
    return tuple(
        Announced(
            key=info.key,
            announced=announced_version(info, sidecar_of(info.key), tags=tags.get(info.key, "")),
            size_bytes=info.size_bytes,
        )
        for info in documents
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """Deletions wait for a person above ``share`` of a source, but not below ``min_objects``."""

    share: float
    min_objects: int


USUAL = Safety(share=0.2, min_objects=20)
NONE_AT_ALL = Safety(share=0.0, min_objects=1)
CONFIRMED = Safety(share=1.0, min_objects=1)


def safety_of(*, looked_at: int, is_unreadable: bool, root: str | None, known_root: str | None) -> Safety:
    """Return how many deletions a complete sweep may conclude without asking a person.

    An empty root may be an unmounted disk or another bucket of the same name: then none. It was emptied on purpose
    only if ``root``, what identifies it now, is what it was when it last held something (``known_root``).
    """
    is_same_root = root is not None and root == known_root
    return USUAL if looked_at or is_unreadable or is_same_root else NONE_AT_ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """How far a running sweep got. ``is_emptying``: its root is given up, so all that is known of it is missing."""

    sweep_id: UUID
    began_at: datetime
    is_emptying: bool = False
    after_key: str = ""
    looked_at: int = 0
    changed: int = 0
    missing: int = 0
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What the last complete sweep saw."""

    sweep_id: UUID
    began_at: datetime
    finished_at: datetime
    looked_at: int
    changed: int
    missing: int
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepState:
    """A source's position in the catalog: the running sweep, the last complete one, and its root.

    ``root_uri`` and ``root`` say where the known objects lie and what identified it when it last held something.
    ``spent_stop`` is the last confirmed stop that was acted upon; a confirmation counts once.
    """

    running: Sweeping | None = None
    last: Swept | None = None
    root_uri: str | None = None
    root: str | None = None
    spent_stop: int = 0

    def due_at(self, interval_s: float) -> datetime | None:
        """Return when the next tick has something to do; None means at once."""
        if self.running is not None or self.last is None:
            return None
        return max(self.last.began_at + timedelta(seconds=interval_s), self.last.finished_at)

    def to_json(self) -> dict[str, Json]:
        """Return the state as the catalog keeps it."""
        return _states().dump_python(self, mode="json")

    @classmethod
    def from_json(cls, value: Json) -> "SweepState":
        """Read a state back; nothing, as for a source never swept, is the state before the first sweep."""
        return _states().validate_python(value) if value else cls()


@lru_cache(maxsize=1)
def _states() -> TypeAdapter[SweepState]:
    return TypeAdapter(SweepState)


MAX_NAMED_UNREADABLE = 5


def advanced(running: Sweeping, plan: PagePlan, unreadable: Iterable[str]) -> Sweeping:
    """Return the running sweep after a page was compared."""
    named = dict.fromkeys([*running.unreadable, *unreadable])
    return replace(
        running,
        after_key=plan.through,
        looked_at=running.looked_at + plan.looked_at,
        changed=running.changed + len(plan.changed),
        missing=running.missing + len(plan.missing),
        unreadable=tuple(named)[:MAX_NAMED_UNREADABLE],
    )


def finished(state: SweepState, running: Sweeping, *, root_uri: str, root: str | None, at: datetime) -> SweepState:
    """Return the state after a complete sweep of a root; one that held nothing leaves the root's identity as it was."""
    return replace(
        state,
        running=None,
        last=Swept(
            sweep_id=running.sweep_id,
            began_at=running.began_at,
            finished_at=at,
            looked_at=running.looked_at,
            changed=running.changed,
            missing=running.missing,
            unreadable=running.unreadable,
        ),
        root_uri=root_uri,
        root=root if running.looked_at or running.is_emptying else state.root,
    )


def just_before(key: str) -> str:
    """Return a text that sorts before ``key`` with hardly any key between: the start of a range of one key."""
    before = ord(key[-1]) - 1
    if before < 1:
        return key[:-1]
    last = "\ud7ff" if 0xD800 <= before <= 0xDFFF else chr(before)  # UTF-8 has no surrogates
    return f"{key[:-1]}{last}\U0010ffff"
