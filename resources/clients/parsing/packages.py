"""ZIP containers of office formats and books, read under bounds: what a part may unpack to, and how many there are."""

import io
import posixpath
import zipfile
import zlib
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from rag_core.errors import DocumentRejected, QuarantineKind
from resources.clients.parsing.limits import MIB, ParseLimits
from resources.clients.parsing.rejections import locked, unreadable
from resources.clients.parsing.xml_trees import attribute, children, parsed_xml

_MAX_PARTS = 20_000
_PROLOGUE_BYTES = 2048
_MAX_RATIO = 250
_RATIO_COUNTS_FROM = 16 * MIB
_XML_GROWS_BY = 8
"""A tree takes about so many times the bytes of its XML; more than the memory limit is not worth beginning."""

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One entry of a part's relationships: its kind's last word ("slide", "comments") and the part it points at."""

    kind: str
    part: str
    is_external: bool


class Package:
    """A ZIP archive held in memory; its parts are unpacked one by one, only those that are asked for.

    Python's ``zipfile`` never unpacks more than the directory states, so the stated sizes are the bound.
    """

    def __init__(self, data: bytes, limits: ParseLimits) -> None:
        self._limits = limits
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except _BROKEN as error:
            raise unreadable(f"Its ZIP container is broken ({error}).") from error
        entries = self._archive.infolist()
        if len(entries) > _MAX_PARTS:
            raise _bomb(f"it has {len(entries):,} parts")
        self._entries = {entry.filename.lstrip("/"): entry for entry in entries}
        self._folded = {name.casefold(): name for name in self._entries}
        self._unpacked = 0
        self._counted: set[str] = set()
        self._relations: dict[str, dict[str, Relation]] = {}

    def __contains__(self, name: str) -> bool:
        """Say whether there is such a part; as in Office, case does not count."""
        return name.casefold() in self._folded

    @property
    def names(self) -> list[str]:
        """Return the names of all parts."""
        return list(self._entries)

    def read(self, name: str) -> bytes:
        """Return a part's bytes; raises ``DocumentRejected`` if it is missing, broken, locked or a bomb."""
        entry = self._entries.get(self._folded.get(name.casefold(), name))
        if entry is None:
            raise unreadable(f"Its part {name!r} is missing.")
        if entry.flag_bits & 0x1:
            raise locked("its ZIP container")
        self._refuse_bomb(entry)
        try:
            return self._archive.read(entry)
        except _BROKEN as error:
            raise unreadable(f"Its part {name!r} cannot be unpacked ({error}).") from error

    def xml(self, name: str) -> Element:
        """Return a part as a tree."""
        return parsed_xml(self.read(name))

    def xml_if_any(self, name: str) -> Element | None:
        """Return a part as a tree, or None where there is no such part or it cannot be read: it only adds detail."""
        if name not in self:
            return None
        try:
            return self.xml(name)
        except DocumentRejected as rejected:
            if rejected.kind is QuarantineKind.TOO_LARGE:
                raise
            return None

    def relations(self, part: str) -> dict[str, Relation]:
        """Return a part's relationships by their ids; none where the file lists none."""
        if part in self._relations:
            return self._relations[part]
        folder, _, name = part.rpartition("/")
        root = self.xml_if_any(f"{folder}/_rels/{name}.rels".lstrip("/"))
        found = self._relations[part] = dict[str, Relation]()
        for entry in children(root, "Relationship") if root is not None else ():
            target = unquote(attribute(entry, "Target") or "")
            at = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[attribute(entry, "Id") or ""] = Relation(
                kind=(attribute(entry, "Type") or "").rpartition("/")[2],
                part=at,
                is_external=attribute(entry, "TargetMode") == "External",
            )
        return found

    def related(self, part: str, kind: str) -> list[str]:
        """Return the existing parts of one kind that a part points at."""
        relations = self.relations(part).values()
        return [one.part for one in relations if one.kind == kind and not one.is_external and one.part in self]

    def refuse_bombs(self) -> None:
        """Check every part before a library unpacks what it likes: sizes, and document types in XML."""
        for name, entry in self._entries.items():
            self._refuse_bomb(entry)
            if entry.filename.endswith((".xml", ".rels")):
                try:
                    with self._archive.open(entry) as part:
                        head = part.read(_PROLOGUE_BYTES)
                except _BROKEN as error:
                    raise unreadable(f"Its part {name!r} cannot be unpacked ({error}).") from error
                if b"<!DOCTYPE" in head.replace(b"\0", b""):
                    raise unreadable(f"Its part {name!r} declares a document type, which no office program writes.")

    def _refuse_bomb(self, entry: zipfile.ZipInfo) -> None:
        size, packed = entry.file_size, max(entry.compress_size, 1)
        if size > _RATIO_COUNTS_FROM and size / packed > _MAX_RATIO:
            raise _bomb(f"its part {entry.filename!r} unpacks to {size:,} bytes, {size // packed:,} times its size")
        if entry.filename not in self._counted:
            self._counted.add(entry.filename)
            self._unpacked += size
        if self._unpacked > max(self._limits.max_text_bytes, self._limits.max_memory_bytes):
            raise _bomb(f"its parts unpack to more than {self._unpacked:,} bytes")
        if entry.filename.endswith((".xml", ".rels")) and size * _XML_GROWS_BY > self._limits.max_memory_bytes:
            raise _bomb(f"its part {entry.filename!r} has {size:,} bytes of XML")


def _bomb(what: str) -> DocumentRejected:
    return DocumentRejected(
        QuarantineKind.TOO_LARGE,
        f"Unpacking it is refused: {what}.",
        remedy="Split or simplify the document, or raise limits.parse_memory_bytes of the collection.",
    )
