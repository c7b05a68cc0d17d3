"""Makes small office files, books and messages for tests: just the parts that a reader needs."""

import io
import zipfile
from collections.abc import Mapping
from xml.sax.saxutils import escape

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
    'xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0"'
)


def archive(parts: Mapping[str, str | bytes], *, stored: tuple[str, ...] = ("mimetype",)) -> bytes:
    """Return a ZIP archive with these parts, in this order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content, zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED)
    return out.getvalue()


def relations(**targets: tuple[str, str]) -> str:
    """Return a relationships part: id to (kind, target)."""
    entries = "".join(f'<Relationship Id="{i}" Type="{R}/{kind}" Target="{to}"/>' for i, (kind, to) in targets.items())
    return f'<Relationships xmlns="{_RELATIONS}">{entries}</Relationships>'


def content_types(main: str) -> str:
    """Return ``[Content_Types].xml`` that names the main part's type."""
    kind = f"application/vnd.openxmlformats-officedocument.{main}.main+xml"
    return (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/main.xml" ContentType="{kind}"/></Types>'
    )


def docx(body: str, **parts: str) -> bytes:
    """Return a Word file around the XML of its body; further parts by name below ``word/``, without ``.xml``."""
    related = relations(**{name: (name, f"{name}.xml") for name in parts})
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="Heading{n}"><w:name w:val="heading {n}"/></w:style>' for n in (1, 2)
    )
    files = {
        "[Content_Types].xml": content_types("wordprocessingml.document"),
        "_rels/.rels": relations(r1=("officeDocument", "word/document.xml")),
        "word/document.xml": f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
        "word/_rels/document.xml.rels": related,
        "word/styles.xml": f'<w:styles xmlns:w="{W}">{styles}</w:styles>',
    }
    return archive(files | {f"word/{name}.xml": f'<w:x xmlns:w="{W}">{xml}</w:x>' for name, xml in parts.items()})


def paragraph(text: str, *, style: str = "", properties: str = "") -> str:
    """Return a Word paragraph."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{properties}</w:pPr><w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def word_table(*rows: list[str]) -> str:
    """Return a Word table; a cell that begins with ``^`` goes on with the one above, ``2>`` spans two columns."""
    lines = ("".join(map(_word_cell, row)) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{line}</w:tr>" for line in lines) + "</w:tbl>"


def _word_cell(text: str) -> str:
    merge = "<w:vMerge/>" if text == "^" else ""
    merge = '<w:vMerge w:val="restart"/>' if text.startswith("v") else merge
    span = '<w:gridSpan w:val="2"/>' if text.startswith("2>") else ""
    shown = "" if text == "^" else text.removeprefix("2>").removeprefix("v")
    return f"<w:tc><w:tcPr>{span}{merge}</w:tcPr>{paragraph(shown)}</w:tc>"


def pptx(*slides: tuple[str, list[str]], broken: int = 0) -> bytes:
    """Return a presentation of (title, lines) slides; slide ``broken`` is not well-formed."""
    files: dict[str, str] = {
        "[Content_Types].xml": content_types("presentationml.presentation"),
        "_rels/.rels": relations(r1=("officeDocument", "ppt/presentation.xml")),
    }
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="s{n}"/>' for n in range(1, len(slides) + 1))
    files["ppt/presentation.xml"] = (
        f'<p:presentation xmlns:p="{P}" xmlns:r="{R}"><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>'
    )
    targets = {f"s{n}": ("slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1)}
    files["ppt/_rels/presentation.xml.rels"] = relations(**targets)
    for number, (title, lines) in enumerate(slides, start=1):
        shapes = _shape("title", [title]) + _shape("body", lines)
        slide = f'<p:sld xmlns:p="{P}" xmlns:a="{A}"><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>'
        files[f"ppt/slides/slide{number}.xml"] = slide[:-20] if number == broken else slide
    return archive(files)


def _shape(kind: str, lines: list[str]) -> str:
    text = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in lines)
    return f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:txBody>{text}</p:txBody></p:sp>'


def odf(kind: str, body: str, *, mimetype: str, **parts: str) -> bytes:
    """Return an OpenDocument file: ``kind`` is text, spreadsheet or presentation."""
    content = (
        f"<office:document-content {_ODF}><office:body><office:{kind}>{body}</office:{kind}></office:body>"
        "</office:document-content>"
    )
    return archive({"mimetype": f"application/vnd.oasis.opendocument.{mimetype}", "content.xml": content} | parts)


def epub(*chapters: str, title: str = "", extra: Mapping[str, str] | None = None) -> bytes:
    """Return a book of XHTML bodies, with a navigation page that is no chapter."""
    pages = [f"c{n}.xhtml" for n in range(1, len(chapters) + 1)]
    items = "".join(f'<item id="{page}" href="text/{page}" media-type="application/xhtml+xml"/>' for page in pages)
    spine = "".join(f'<itemref idref="{page}"/>' for page in ("nav", *pages))
    container = '<container xmlns="c"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    named = f'<metadata xmlns:dc="d"><dc:title>{title}</dc:title><dc:language>en</dc:language></metadata>'
    nav = '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    book = f'<package xmlns="o">{named}<manifest>{nav}{items}</manifest><spine>{spine}</spine></package>'
    page = '<?xml version="1.0"?><html xmlns="h"><head><title/></head><body>{}</body></html>'
    texts = {f"OEBPS/text/{name}": page.format(body) for name, body in zip(pages, chapters, strict=True)}
    return archive(
        {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "OEBPS/book.opf": book}
        | {"OEBPS/nav.xhtml": page.format("<p>Contents page</p>")}
        | texts
        | dict(extra or {})
    )
