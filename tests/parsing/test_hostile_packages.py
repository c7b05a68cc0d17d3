import pytest

from rag_core.errors import DocumentRejected, QuarantineKind
from resources.clients.parsing import ParseLimits, ParserSandbox
from tests.parsing.office_making import archive, content_types, docx, epub, odf, paragraph, pptx, relations

MIB = 1024 * 1024
ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
LIMITS = ParseLimits(timeout_s=20, max_memory_bytes=256 * MIB)


def rejection(data: bytes, limits: ParseLimits = LIMITS) -> DocumentRejected:
    with ParserSandbox(limits) as sandbox, pytest.raises(DocumentRejected) as caught:
        sandbox.parse(data, name="x.docx")
    return caught.value


def word_file(document: str | bytes) -> bytes:
    return archive({
        "[Content_Types].xml": content_types("wordprocessingml.document"),
        "_rels/.rels": relations(r1=("officeDocument", "word/document.xml")),
        "word/document.xml": document,
    })  # fmt: skip


def test_part_that_unpacks_to_a_thousand_times_its_size_is_refused_unopened() -> None:
    data = word_file(b"<w:document>" + b" " * (40 * MIB))
    assert len(data) < MIB
    rejected = rejection(data)
    assert rejected.kind is QuarantineKind.TOO_LARGE
    assert "word/document.xml" in rejected.message


def test_stated_size_that_lies_does_not_unpack_more() -> None:
    data = bytearray(word_file(b"<w:document>" + b" " * (8 * MIB)))
    true_size = (8 * MIB + len("<w:document>")).to_bytes(4, "little")
    assert data.count(true_size) == 2
    lie = bytes(data).replace(true_size, (100).to_bytes(4, "little"))
    assert rejection(lie).kind is QuarantineKind.UNREADABLE


def test_entities_of_ones_own_are_refused_in_every_format() -> None:
    bomb = f'<?xml version="1.0"?>{ENTITIES}<x>&c;</x>'
    sheet = {"[Content_Types].xml": content_types("spreadsheetml.sheet"), "xl/workbook.xml": bomb}
    files = (
        word_file(bomb),
        archive(sheet),
        archive({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": bomb}),
        epub("<p>x</p>", extra={"META-INF/encryption.xml": bomb, "META-INF/container.xml": bomb}),
    )
    assert {rejection(data).kind for data in files} == {QuarantineKind.UNREADABLE}


def test_deeply_nested_elements_end_as_a_rejection() -> None:
    nested = "<w:sdt><w:sdtContent>" * 50_000
    assert rejection(docx(nested + "</w:sdtContent></w:sdt>" * 50_000)).kind in {
        QuarantineKind.UNREADABLE,
        QuarantineKind.CRASHED,
    }


def test_more_slides_than_pages_are_allowed_are_refused_by_name() -> None:
    rejected = rejection(pptx(*[("t", ["line"])] * 3), ParseLimits(max_pages=2))
    assert rejected.kind is QuarantineKind.TOO_LARGE
    assert "max_pages" in rejected.message


def test_repeated_cells_stop_at_the_limit_of_the_text() -> None:
    cell = f'<table:table-cell table:number-columns-repeated="100"><text:p>{"x" * 500}</text:p></table:table-cell>'
    row = f'<table:table-row table:number-rows-repeated="1000">{cell}</table:table-row>'
    rejected = rejection(
        odf("spreadsheet", f"<table:table>{row * 20}</table:table>", mimetype="spreadsheet"),
        ParseLimits(max_text_bytes=MIB),
    )
    assert rejected.kind is QuarantineKind.TOO_LARGE


def test_broken_archives_are_unreadable() -> None:
    data = docx(paragraph("Words."))
    assert rejection(data[:-40]).kind is QuarantineKind.UNREADABLE
    middle = len(data) // 2
    assert rejection(data[:middle]).kind is QuarantineKind.UNREADABLE


def test_target_outside_of_the_archive_is_just_a_missing_part() -> None:
    data = archive({
        "[Content_Types].xml": content_types("wordprocessingml.document"),
        "_rels/.rels": relations(r1=("officeDocument", "../../etc/passwd")),
    })  # fmt: skip
    assert rejection(data).kind is QuarantineKind.UNREADABLE
