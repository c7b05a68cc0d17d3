import datetime
import io

import openpyxl
import pytest

from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.parsed import ParsedDocument
from resources.clients.parsing import PARSER_VERSIONS, ParseLimits
from resources.clients.parsing.document import parse_document
from resources.clients.parsing.media_types import Claims
from tests.parsing.office_making import archive, docx, epub, odf, paragraph, pptx, relations, word_table


def parsed(data: bytes, name: str = "report.bin") -> ParsedDocument:
    return parse_document(data, Claims(name=name), (), ParseLimits())


def kind_of(data: bytes) -> QuarantineKind:
    with pytest.raises(DocumentRejected) as caught:
        parsed(data)
    return caught.value.kind


def headings(document: ParsedDocument) -> list[tuple[int, str]]:
    assert all(document.text[one.start : one.end] == one.text for one in document.headings)
    return [(one.level, one.text) for one in document.headings]


def tables(document: ParsedDocument) -> list[str]:
    return [document.text[block.start : block.end] for block in document.blocks if block.kind == "table"]


def page(document: ParsedDocument, number: int) -> str:
    span = next(span for span in document.pages if span.number == number)
    return document.text[span.start : span.end]


def workbook(sheets: dict[str, list[list[object]]]) -> openpyxl.Workbook:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return made


def saved(made: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


NUMBERING = (
    '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1%2)"/></w:lvl></w:abstractNum>'
    '<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
)


def item(text: str, list_id: int, level: int = 0) -> str:
    return paragraph(text, properties=f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>')


def test_word_file_has_headings_lists_and_tables_in_order() -> None:
    body = (
        paragraph("Ferries", style="Heading1")
        + paragraph("They leave at seven.")
        + item("first", 1)
        + item("inner", 1, 1)
        + item("second", 1)
        + item("loose", 2)
        + paragraph("Times", style="Heading2")
        + word_table(["port", "time"], ["Oslund", "7:00"])
    )
    document = parsed(docx(body, numbering=NUMBERING))
    assert document.text == (
        "Ferries\n\nThey leave at seven.\n\n1. first\n  1a) inner\n2. second\n- loose\n\n"
        "Times\n\nport | time\nOslund | 7:00"
    )
    assert headings(document) == [(1, "Ferries"), (2, "Times")]
    assert tables(document) == ["port | time\nOslund | 7:00"]
    assert (document.title, document.parser) == ("Ferries", PARSER_VERSIONS[document.media_type])


def test_merged_cells_are_said_in_every_row_and_column_that_they_cover() -> None:
    document = parsed(docx(word_table(["2>Summer", "port"], ["vJuly", "7:00", "Oslund"], ["^", "9:00", "Vik"])))
    assert tables(document) == ["Summer | Summer | port\nJuly | 7:00 | Oslund\nJuly | 9:00 | Vik"]


def test_tracked_changes_show_the_text_as_it_stands_now() -> None:
    body = (
        "<w:p><w:r><w:t>The ferry leaves at </w:t></w:r><w:del><w:r><w:delText>six</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>seven</w:t></w:r></w:ins><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
    )
    assert parsed(docx(body)).text == "The ferry leaves at seven"


def test_text_boxes_content_controls_notes_and_comments_are_read_once() -> None:
    box = f"<w:r><w:drawing><w:txbxContent>{paragraph('In the box.')}</w:txbxContent></w:drawing></w:r>"
    fallback = f"<w:r><w:Fallback><w:txbxContent>{paragraph('In the box.')}</w:txbxContent></w:Fallback></w:r>"
    body = f"<w:sdt><w:sdtContent>{paragraph('Controlled.')}</w:sdtContent></w:sdt><w:p>{box}{fallback}</w:p>"
    footnotes = f"<w:footnote>{paragraph('A note.')}</w:footnote>"
    comments = f'<w:comment w:author="Ada">{paragraph("Really?")}</w:comment>'
    document = parsed(docx(body, footnotes=footnotes, comments=comments))
    assert document.text == "Controlled.\n\nIn the box.\n\nA note.\n\nComment by Ada:\n\nReally?"


def test_slides_are_pages_with_their_titles_as_headings() -> None:
    document = parsed(pptx(("Winter", ["Two ferries"]), ("Summer", ["Four ferries", "and a night boat"])))
    assert headings(document) == [(1, "Winter"), (1, "Summer")]
    assert page(document, 2) == "Summer\n\nFour ferries\nand a night boat"
    assert document.metadata["slide_count"] == 2


def test_broken_slide_costs_that_slide_only() -> None:
    document = parsed(pptx(("Winter", ["Two"]), ("Spring", ["Three"]), ("Summer", ["Four"]), broken=2))
    assert (page(document, 1), page(document, 2), page(document, 3)) == ("Winter\n\nTwo", "", "Summer\n\nFour")
    assert any("slide 2" in str(warning) for warning in document.metadata["warnings"])


def test_sheets_are_pages_and_their_names_head_the_rows() -> None:
    made = workbook({
        "Ports": [["port", "since", "share"], ["Oslund", datetime.date(1931, 5, 1), 0.1 + 0.2], [None], ["Vik", True]],
        "Empty": [],
    })  # fmt: skip
    document = parsed(saved(made), "harbours.xlsx")
    assert headings(document) == [(1, "Ports"), (1, "Empty")]
    assert tables(document) == ["port | since | share\nOslund | 1931-05-01 | 0.3", "Vik | TRUE"]
    assert page(document, 2) == "Empty"
    assert (document.title, document.metadata["sheets"]) == ("harbours", ["Ports", "Empty"])


def test_merged_cells_of_a_sheet_are_said_in_every_row() -> None:
    made = workbook({"S": [["north", "Oslund"], [None, "Vik"], ["south", "Ny"]]})
    made["S"].merge_cells("A1:A2")
    assert tables(parsed(saved(made))) == ["north | Oslund\nnorth | Vik\nsouth | Ny"]


def test_a_cell_at_the_far_end_of_a_sheet_costs_no_rectangle() -> None:
    made = workbook({"S": [["near"]]})
    made["S"].cell(row=1_000_000, column=16_384, value="far")
    document = parsed(saved(made))
    assert tables(document) == ["near", "far"]


def test_workbook_without_cells_has_no_text() -> None:
    assert kind_of(saved(workbook({"Sheet1": []}))) is QuarantineKind.NO_TEXT


def test_open_document_text_has_headings_lists_and_no_removed_text() -> None:
    body = (
        "<text:tracked-changes><text:p>removed</text:p></text:tracked-changes>"
        '<text:h text:outline-level="2">Ferries</text:h><text:p>At<text:s/>seven<text:line-break/>sharp.</text:p>'
        "<text:list><text:list-item><text:p>one</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>port</text:p></table:table-cell>"
        "<table:table-cell><text:p>time</text:p></table:table-cell></table:table-row></table:table>"
    )
    document = parsed(odf("text", body, mimetype="text"))
    assert document.text == "Ferries\n\nAt seven\nsharp.\n\n- one\n\nport | time"
    assert headings(document) == [(2, "Ferries")]
    assert document.parser == "odt/1"


def test_endlessly_repeated_rows_and_cells_of_a_spreadsheet_are_bounded() -> None:
    cell = "<table:table-cell{}><text:p>x</text:p></table:table-cell>"
    many = cell.format(' table:number-columns-repeated="16384"')
    empty = '<table:table-row table:number-rows-repeated="1048576"><table:table-cell/></table:table-row>'
    rows = f"<table:table-row>{cell.format('')}</table:table-row>{empty}<table:table-row>{many}</table:table-row>"
    sheet = f'<table:table table:name="Ports">{rows}</table:table>'
    document = parsed(odf("spreadsheet", sheet, mimetype="spreadsheet"))
    assert headings(document) == [(1, "Ports")]
    assert document.parser == "ods/1"
    assert len(document.text) < 1000


def test_open_document_slides_are_pages() -> None:
    slide = (
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Winter</text:p></draw:text-box>'
        "</draw:frame><draw:frame><draw:text-box><text:p>Two ferries</text:p></draw:text-box></draw:frame></draw:page>"
    )
    document = parsed(odf("presentation", slide + slide, mimetype="presentation"))
    assert page(document, 2) == "Winter\n\nTwo ferries"
    assert document.parser == "odp/1"


def test_book_is_read_chapter_by_chapter_without_its_navigation() -> None:
    document = parsed(epub("<h1>One</h1><p>First.</p>", "<h1>Two</h1><p>Second.</p>", title="Ferries"))
    assert document.text == "One\n\nFirst.\n\nTwo\n\nSecond."
    assert (document.title, page(document, 2)) == ("Ferries", "Two\n\nSecond.")
    assert document.metadata["language"] == "en"


def test_protected_books_and_encrypted_office_files_ask_for_an_open_copy() -> None:
    method = '<EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"/>'
    book = epub("<p>x</p>", extra={"META-INF/encryption.xml": f"<encryption>{method}</encryption>"})
    manifest = "<manifest><file-entry><encryption-data/></file-entry></manifest>"
    sheet = odf("text", "<text:p>x</text:p>", mimetype="text", **{"META-INF/manifest.xml": manifest})
    office = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
    assert {kind_of(data) for data in (book, sheet, office)} == {QuarantineKind.PASSWORD_REQUIRED}


def test_zip_archives_of_other_kinds_and_old_office_files_are_unsupported() -> None:
    assert kind_of(archive({"a.txt": "hello"})) is QuarantineKind.UNSUPPORTED_FORMAT
    assert kind_of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)) is QuarantineKind.UNSUPPORTED_FORMAT


def test_format_is_told_by_content_whatever_the_name_says() -> None:
    word, show = docx(paragraph("Words.")), pptx(("Title", ["Line"]))
    assert parsed(word, "a.pptx").parser == "docx/1"
    assert parsed(show, "a.pdf").parser == "pptx/1"
    assert parsed(word[:0] + b"plain words only", "a.docx").parser == PARSER_VERSIONS["text/plain"]


def test_missing_main_part_is_unreadable() -> None:
    data = archive({"[Content_Types].xml": "<Types/>", "word/document.xml": "", "_rels/.rels": relations()})
    assert kind_of(data) is QuarantineKind.UNREADABLE
