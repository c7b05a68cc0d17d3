"""EPUB books: the chapters in reading order; a page is a file of the book's spine."""

import posixpath
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.parsed import JsonValue, ParsedDocument
from rag_core.text_cleaning import clean_line
from resources.clients.parsing.finishing import finished
from resources.clients.parsing.html import append_page
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.office_properties import properties_below
from resources.clients.parsing.packages import Package
from resources.clients.parsing.rejections import locked, too_many_pages, unreadable
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.versions import EPUB
from resources.clients.parsing.xml_trees import attribute, child, children, descendants, words_in

_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/xml"})
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def parse_epub(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return a book's text; a chapter that is broken costs that chapter and is named in the warnings."""
    package = Package(data, limits)
    _refuse_protected(package)
    container = package.xml("META-INF/container.xml")
    rootfile = next(descendants(container, "rootfile"), None)
    main = unquote(attribute(rootfile, "full-path") or "") if rootfile is not None else ""
    book = package.xml(main)
    chapters = _chapters(book, main.rpartition("/")[0])
    if not chapters:
        raise unreadable("The book lists no chapters.")
    if len(chapters) > limits.max_pages:
        raise too_many_pages(len(chapters), limits.max_pages)
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    warnings: list[str] = []
    for number, part in enumerate(chapters, start=1):
        try:
            with builder.page(number):
                append_page(builder, package.read(part))
        except DocumentRejected as rejected:
            if rejected.kind is not QuarantineKind.UNREADABLE:
                raise
            warnings.append(f"chapter {number}: {rejected.message}")
    properties = _metadata(child(book, "metadata"))
    return finished(
        builder,
        media_type=EPUB,
        what="The book",
        name=claims.name,
        stated_title=properties.get("title"),
        metadata=properties,
        warnings=warnings,
    )


def _chapters(book: Element, folder: str) -> list[str]:
    """Return the parts of the spine in reading order, the navigation page left out."""
    manifest, spine = child(book, "manifest"), child(book, "spine")
    items = {attribute(item, "id"): item for item in children(manifest, "item")} if manifest is not None else {}
    parts: list[str] = []
    for reference in children(spine, "itemref") if spine is not None else ():
        item = items.get(attribute(reference, "idref"))
        if item is None or attribute(item, "media-type") not in _PAGES:
            continue
        if "nav" not in (attribute(item, "properties") or "").split():
            parts.append(posixpath.normpath(posixpath.join(folder, unquote(attribute(item, "href") or ""))))
    return parts


def _metadata(metadata: Element | None) -> dict[str, JsonValue]:
    found = properties_below(metadata)
    publishers = [clean_line(words_in(one)) for one in children(metadata, "publisher")] if metadata is not None else []
    if publishers and publishers[0]:
        found["publisher"] = publishers[0][:2000]
    return found


def _refuse_protected(package: Package) -> None:
    """Refuse a book under copy protection; scrambled fonts alone do not matter."""
    root = package.xml_if_any("META-INF/encryption.xml")
    for method in descendants(root, "EncryptionMethod") if root is not None else ():
        if attribute(method, "Algorithm") not in _FONTS:
            raise locked("copy protection")
    if "META-INF/license.lcpl" in package:
        raise locked("copy protection")
