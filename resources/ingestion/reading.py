"""Look at a document's object, read it when it is new, parse it when its bytes are new."""

import errno
import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

from rag_core.access import stored_groups
from rag_core.arrivals import Presence
from rag_core.collection import Collection
from rag_core.descriptions import described_type
from rag_core.errors import (
    ConfigurationError,
    DependencyUnavailable,
    DocumentRejected,
    DocumentUnavailable,
    QuarantineKind,
    SourceAway,
    SourceChanged,
)
from rag_core.metadata import resolve_metadata
from rag_core.parsed import ParsedDocument
from rag_core.rows import DocumentRow
from resources.clients.catalog.values import DueArrival
from resources.clients.parsing.versions import PARSER_VERSIONS
from resources.ingestion.looking import SourceLooker, described_text
from resources.ingestion.parsed_rows import encoded
from resources.ingestion.work import FailedDocument, GoneDocument, KnownRow, Look, ReadDocument

_LOOKS = 3
_OURS_TO_MEND = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS, errno.EIO}
)
"""Errors of this machine's files: whatever document is read next meets them too."""

_log = logging.getLogger(__name__)


class DocumentParser(Protocol):
    """Parses one file in a process of its own; raises ``DocumentRejected`` for what no parser can read."""

    def parse(
        self, source: Path, *, name: str, media_type_hint: str | None, passwords: Sequence[str]
    ) -> ParsedDocument:
        """Return the text and its places."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Which run and code read a document, for its row."""

    run_id: str
    code_version: str
    clock: Callable[[], datetime]


class DocumentReader:
    """Reads documents of one collection, from several threads at once; ``folder`` takes the downloads."""

    def __init__(
        self,
        *,
        collection: Collection,
        looker: SourceLooker,
        parser: Callable[[], DocumentParser],
        passwords: Sequence[str],
        folder: Path,
        lineage: Lineage,
    ) -> None:
        self._collection = collection
        self._looker = looker
        self._parser = parser
        self._passwords = tuple(passwords)
        self._folder = folder
        self._lineage = lineage

    def read(
        self, task: DueArrival, known: KnownRow | None, *, reparse: bool
    ) -> ReadDocument | GoneDocument | FailedDocument:
        """Return the document as its store holds it now; only a dependency other than its source is raised.

        1. Look. Nothing there: deleted, if a sweep (or a person) concluded it; the look under the lock confirms it.
           An object that was announced and is not there stays due: a mount that is missing must delete nothing, and
           only a whole sweep, with its safety stop, can tell.
        2. The version that the known row was made from is not downloaded again, and the same bytes under a new
           version are not parsed again, as long as their parser's version is the same.
        3. Download only what was looked at (If-Match): a mixture of two versions is never indexed. An object that
           changed meanwhile is looked at again, a few times; then it stays due.
        """
        groups: tuple[str, ...] | None = None
        look: Look | None = None
        error: DocumentRejected | DocumentUnavailable | SourceAway | SourceChanged
        try:
            for looks_left in reversed(range(_LOOKS)):
                look = self._looker.look(task.arrival)
                if look is None:
                    break
                groups = self._looker.groups(task.arrival, look)
                try:
                    return self._read(task, look, known, reparse=reparse)
                except SourceChanged:
                    if not looks_left:
                        raise
            if task.arrival.presence is Presence.GONE:
                return GoneDocument(task=task)
            error = SourceChanged(
                f"{task.arrival.uri} is not there now.", remedy="The next whole sweep says whether it is deleted."
            )
        except (DocumentRejected, DocumentUnavailable, SourceAway, SourceChanged) as caught:
            error = caught
        except (DependencyUnavailable, ConfigurationError):
            raise
        except Exception as caught:
            if isinstance(caught, MemoryError) or (isinstance(caught, OSError) and caught.errno in _OURS_TO_MEND):
                raise DependencyUnavailable(
                    f"This machine has no room to read documents: {caught}.",
                    dependency="temporary files",
                    remedy="Free space where TMPDIR points, allow more open files, or give the run more memory.",
                ) from caught
            _log.exception("Reading %s failed unexpectedly", task.arrival.uri)
            error = DocumentUnavailable(f"Unexpected {type(caught).__name__} while reading: {caught}")
        return FailedDocument(task=task, error=error, groups=groups, look=look)

    def failed(self, task: DueArrival, error: DocumentRejected) -> GoneDocument | FailedDocument:
        """Return a document that failed before, for the same reason, with what its present metadata allows.

        The document itself is not read: it may be the one that ends its reader's process.
        """
        try:
            look = self._looker.look(task.arrival)
            if look is None and task.arrival.presence is Presence.GONE:
                return GoneDocument(task=task)
            if look is None:
                return FailedDocument(task=task, error=error)
            return FailedDocument(task=task, error=error, groups=self._looker.groups(task.arrival, look), look=look)
        except (DocumentRejected, DocumentUnavailable):  # whom it would allow now is not known
            return FailedDocument(task=task, error=error)
        except SourceAway as away:
            return FailedDocument(task=task, error=away)

    def groups_of(self, row: DocumentRow) -> tuple[str, ...]:
        """Return the groups that a row's metadata allows."""
        return stored_groups(row.allowed_groups, default_access=self._collection.default_access)

    def _described(self, row: DocumentRow, look: Look) -> DocumentRow:
        """Return a row with title, metadata and groups by today's rules, from what the parser found then."""
        source = self._collection.source(row.source)
        resolved = resolve_metadata(
            source.metadata,
            key=row.key,
            sidecar_text=look.sidecar_text,
            user_metadata=look.info.user_metadata,
            tags=look.info.tags,
            parsed_metadata=json.loads(row.parsed_metadata),
            described=described_text(look.info),
        )
        return replace(
            row,
            title=resolved.title or row.parsed_title or PurePosixPath(row.key).name,
            metadata=json.dumps(resolved.metadata, ensure_ascii=False, sort_keys=True),
            allowed_groups=resolved.groups(default_access=self._collection.default_access),
        )

    def _read(self, task: DueArrival, look: Look, known: KnownRow | None, *, reparse: bool) -> ReadDocument:
        arrival = task.arrival
        row = None if known is None else known.row
        parsed = downloaded = 0
        if row is not None and not reparse and _parser_is_current(row) and _same_object(look, row):
            content, row = row.content_sha256, row
        else:
            path = self._folder / uuid.uuid4().hex
            try:
                store = self._looker.store(arrival.source)
                with self._looker.noting_absence(arrival.source, store):
                    read = store.download(
                        arrival.key, path, expected=look.info, max_bytes=self._collection.limits.max_document_bytes
                    )
                look = replace(look, etag=read.etag, version_id=read.version_id or look.version_id)
                downloaded = path.stat().st_size
                content = _sha256(path)
                stated = look.info.media_type
                says_otherwise = row is not None and (
                    not _same_described_type(look, row) or (stated is not None and row.etag != look.etag)
                )
                if (
                    row is None
                    or reparse
                    or says_otherwise
                    or row.content_sha256 != content
                    or not _parser_is_current(row)
                ):
                    document = self._parser().parse(
                        path,
                        # Where a producer states the type, the key is no file's name: a page may be called "foo.py".
                        name=PurePosixPath(arrival.key).name if stated is None else "",
                        media_type_hint=stated or described_type(look.sidecar_etag) or None,
                        passwords=self._passwords,
                    )
                    if not document.text.strip():
                        raise DocumentRejected(
                            QuarantineKind.NO_TEXT, "The document has no text.", remedy="Run it through OCR."
                        )
                    row, parsed = self._row(task, document), 1
            finally:
                path.unlink(missing_ok=True)
        fresh = replace(
            row,
            arrival=arrival.number,
            uri=arrival.uri,
            source=arrival.source,
            key=arrival.key,
            etag=look.etag,
            version_id=look.version_id,
            sidecar_etag=look.sidecar_etag,
            modified_at=look.modified_at,
            size_bytes=look.size_bytes,
            content_sha256=content,
            read_at=self._lineage.clock().isoformat(),
            run_id=self._lineage.run_id,
            code_version=self._lineage.code_version,
        )
        fresh = self._described(fresh, look)
        stored = known is not None and known.arrival == arrival.number and not reparse and _says(fresh, known.row)
        if stored and known is not None:
            fresh = known.row
        return ReadDocument(task=task, row=fresh, stored=stored, parsed=bool(parsed), downloaded_bytes=downloaded)

    def _row(self, task: DueArrival, document: ParsedDocument) -> DocumentRow:
        return DocumentRow(
            arrival=task.arrival.number,
            document_id=str(task.arrival.document_id),
            uri=task.arrival.uri,
            source=task.arrival.source,
            key=task.arrival.key,
            etag="",
            version_id=None,
            sidecar_etag="",
            modified_at="",
            size_bytes=0,
            content_sha256="",
            title=document.title,
            metadata="{}",
            allowed_groups=None,
            read_at="",
            run_id="",
            code_version="",
            **encoded(document),
        )


def _same_object(look: Look, row: DocumentRow) -> bool:
    same = (look.etag, look.version_id, look.size_bytes) == (row.etag, row.version_id, row.size_bytes)
    return same and _same_described_type(look, row)


def _same_described_type(look: Look, row: DocumentRow) -> bool:
    """Say whether messages about the object name the media type that the row was read by: other text may come of it."""
    return described_type(look.sidecar_etag) == described_type(row.sidecar_etag)


def _parser_is_current(row: DocumentRow) -> bool:
    return row.parser in PARSER_VERSIONS.values()


def _says(fresh: DocumentRow, known: DocumentRow) -> bool:
    """Say whether two rows of one arrival differ in nothing but when, by whom and with what code they were made."""
    return replace(fresh, read_at=known.read_at, run_id=known.run_id, code_version=known.code_version) == known


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
