"""Bringing files into a collection by hand: copied into a source, then followed until each has reached its end."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from rag_core.arrivals import ArrivalState
from rag_core.collection import BucketSource, selects
from rag_core.errors import InvalidRequest
from rag_core.identity import document_id
from rag_core.objects import ObjectInfo, is_addressable
from resources.clients.collection_files import LoadedCollection

if TYPE_CHECKING:
    from resources.clients.catalog import Catalog
    from resources.clients.catalog.values import DocumentRow
    from resources.clients.object_store import ObjectStore

INBOX = "inbox"
END_STATES = frozenset({ArrivalState.INDEXED, ArrivalState.UNCHANGED, ArrivalState.QUARANTINED, ArrivalState.DELETED})
MAX_FILES = 100_000
MAX_SKIPPED_NAMED = 1000
_LOOK_EVERY_S = 0.25
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """A file of this machine and the key it gets in the source."""

    path: Path
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something in a folder that is not ingested, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFiles:
    """The files to ingest, and the first of what was left out."""

    files: list[GivenFile]
    skipped: list[Skipped]
    number_skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A file that lies in the source now; ``before`` is the document's newest arrival before, None without one."""

    key: str
    document_id: UUID
    etag: str
    modified_at: datetime
    before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of the files: their documents by id, and the ids that had not reached an end in time."""

    documents: dict[UUID, "DocumentRow"]
    waiting: frozenset[UUID]


def receiving_source(loaded: LoadedCollection, named: str | None) -> BucketSource:
    """Return the source that takes files: the named one, else ``inbox``, that of the uploads, or the only one."""
    sources = {source.name: source for source in loaded.collection.sources}
    uploads = loaded.collection.uploads
    defaults = (INBOX, uploads.source if uploads else "", *(sources if len(sources) == 1 else ()))
    for name in defaults if named is None else (named,):
        if name in sources:
            return sources[name]
    raise InvalidRequest(
        f"Collection {loaded.collection.name} has no source {named!r}."
        if named
        else f"Collection {loaded.collection.name} has several sources, none called {INBOX!r} and none for uploads.",
        remedy=f"Say --source NAME; there are: {', '.join(sources)}.",
    )


def given_files(paths: Sequence[Path], source: BucketSource) -> GivenFiles:
    """Return every file under the paths with its key, sidecars first; a folder keeps its own name, as ``cp -r`` does.

    What a folder holds and the source cannot have is left out, with its reason. Raises ``InvalidRequest`` for a path
    that is not there, a file that cannot be taken, and two files that would have the same key.
    """
    found: dict[str, GivenFile] = {}
    skipped: list[Skipped] = []
    number_skipped = 0
    for given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would follow a link's name away
        for each in _files_of(path, source):
            if isinstance(each, Skipped):
                number_skipped += 1
                if len(skipped) < MAX_SKIPPED_NAMED:
                    skipped.append(each)
                continue
            other = found.setdefault(each.key, each)
            if other.path != each.path:
                raise InvalidRequest(
                    f"{other.path} and {each.path} would both be stored as {each.key!r}.",
                    remedy="Ingest the folder that holds both.",
                )
            if len(found) > MAX_FILES:
                raise InvalidRequest(f"More than {MAX_FILES} files.", remedy="Point a source at the folder instead.")
    ordered = sorted(found.values(), key=lambda each: (not is_sidecar(each.key, source), each.key))
    return GivenFiles(files=ordered, skipped=skipped, number_skipped=number_skipped)


def is_sidecar(key: str, source: BucketSource) -> bool:
    """Say whether a key is the metadata of another object, not a document."""
    return source.sidecar_suffix is not None and key.endswith(source.sidecar_suffix)


def put_file(store: "ObjectStore", catalog: "Catalog", collection: str, given: GivenFile) -> Put:
    """Copy a file into the source in one step and return what to follow."""
    identity = document_id(collection, store.uri(given.key))
    known = catalog.queries.document(identity)
    info: ObjectInfo = store.put(given.key, given.path)
    return Put(
        key=given.key,
        document_id=identity,
        etag=info.etag,
        modified_at=info.modified_at,
        before=None if known is None else known.newest_arrival,
    )


def follow(
    catalog: "Catalog", puts: Sequence[Put], *, timeout_s: float, seen: Callable[[int], None] = lambda _: None
) -> Followed:
    """Return when every file's arrival has ended, or after ``timeout_s``; ``seen`` gets how many have."""
    ends = time.monotonic() + timeout_s
    open_ones = {put.document_id: put for put in puts}
    documents: dict[UUID, DocumentRow] = {}
    while True:
        for rows in _looked_up(catalog, list(open_ones)):
            documents |= rows
        for identity in [each for each in open_ones if _is_done(documents.get(each), open_ones[each])]:
            del open_ones[identity]
        seen(len(puts) - len(open_ones))
        if not open_ones or time.monotonic() >= ends:
            return Followed(documents=documents, waiting=frozenset(open_ones))
        time.sleep(_LOOK_EVERY_S)


def _is_done(row: "DocumentRow | None", put: Put) -> bool:
    """Say whether what was put has been looked at: an arrival that announced it, or any newer one, has ended."""
    if row is None or row.state not in END_STATES:
        return False
    is_newer = put.before is None or row.newest_arrival > put.before
    announced = f"{put.etag}|{put.modified_at.isoformat(timespec='seconds')}|"
    return is_newer or row.announced.startswith(announced)


def _looked_up(catalog: "Catalog", identities: list[UUID]) -> Iterator["dict[UUID, DocumentRow]"]:
    for start in range(0, len(identities), _IDS_AT_ONCE):
        yield catalog.queries.documents_by_id(identities[start : start + _IDS_AT_ONCE])


def _files_of(path: Path, source: BucketSource) -> Iterator[GivenFile | Skipped]:
    if path.is_dir():
        yield from _files_under(path, source)
        return
    if not path.exists():
        raise InvalidRequest(f"There is no file or folder {path}.", remedy="Check the path.")
    reason = _why_not_a_file(path) if not path.is_file() else _why_not_taken(source, path.name)
    if reason:
        raise InvalidRequest(
            f"Source {source.name!r} does not take {path.name!r}: {reason}.",
            remedy="Rename the file, or change include, exclude and ignore in the collection's file.",
        )
    yield GivenFile(path=path, key=path.name)


def _files_under(top: Path, source: BucketSource) -> Iterator[GivenFile | Skipped]:
    unreadable: list[OSError] = []
    for folder, folders, names in os.walk(top, followlinks=False, onerror=unreadable.append):
        entered: list[str] = []
        for name in sorted(folders):
            inside = Path(folder) / name
            reason = "hidden" if name.startswith(".") else "link" if inside.is_symlink() else ""
            if reason:
                yield Skipped(path=inside, reason=reason)
            else:
                entered.append(name)
        folders[:] = entered
        for name in sorted(names):
            inside = Path(folder) / name
            key = inside.relative_to(top.parent).as_posix()
            reason = "hidden" if name.startswith(".") else _why_not_a_file(inside) or _why_not_taken(source, key)
            yield Skipped(path=inside, reason=reason) if reason else GivenFile(path=inside, key=key)
    for error in unreadable:
        yield Skipped(path=Path(str(error.filename)), reason=f"cannot be read: {error.strerror}")


def _why_not_a_file(path: Path) -> str:
    """Return what a path is instead of a regular file; empty where it is one."""
    if path.is_symlink():
        return "link"
    if path.is_fifo():
        return "pipe"
    return "" if path.is_file() else "no regular file"


def _why_not_taken(source: BucketSource, key: str) -> str:
    """Return why a source has no document of such a key; empty where it may have one."""
    if not is_addressable(key):
        return "name too long" if _is_utf8(key) else "name is not UTF-8"
    return "" if is_sidecar(key, source) or selects(source, key) else "the source's globs leave it out"


def _is_utf8(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
