import zlib
from collections.abc import Iterator

import pytest

from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.parsed import ParsedDocument
from resources.clients.parsing import PARSER_VERSIONS, ParseJob, ParseLimits, ParserSandbox
from tests.parsing.pdf_making import PROSE, bomb, by_hand, joined, locked, pdf, scanned

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ParserSandbox]:
    with ParserSandbox() as opened:
        yield opened


def rejection(sandbox: ParserSandbox, data: bytes, **arguments: list[str]) -> DocumentRejected:
    with pytest.raises(DocumentRejected) as caught:
        sandbox.parse(data, name="x.pdf", **arguments)
    return caught.value


def quoted(document: ParsedDocument, page: int) -> str:
    span = document.pages[page - 1]
    assert span.number == page
    return document.text[span.start : span.end]


def test_pages_headings_and_title_are_places_in_one_text(sandbox: ParserSandbox) -> None:
    sizes = {"Ferry timetable": 20.0, "Winter": 15.0, "Summer": 15.0}
    pages = [["Ferry timetable", PROSE, "Winter", PROSE], ["Summer", PROSE + " In July twice.", PROSE]]
    document = sandbox.parse(pdf(pages, sizes=sizes), name="x.bin")
    assert document.media_type == "application/pdf"
    assert document.parser == PARSER_VERSIONS["application/pdf"]
    assert document.title == "Ferry timetable"
    assert "In July twice" in quoted(document, 2)
    assert "In July twice" not in quoted(document, 1)
    assert [(h.level, h.text, document.text[h.start : h.end]) for h in document.headings] == [
        (1, "Ferry timetable", "Ferry timetable"),
        (2, "Winter", "Winter"),
        (2, "Summer", "Summer"),
    ]


def test_title_of_the_metadata_wins_unless_it_is_a_placeholder(sandbox: ParserSandbox) -> None:
    assert sandbox.parse(pdf([[PROSE]], title="Harbour rules"), name="x.pdf").title == "Harbour rules"
    assert sandbox.parse(pdf([["Short line", PROSE]], title="untitled"), name="x.pdf").title == "Short line"


def test_dates_of_the_metadata_are_iso_times(sandbox: ParserSandbox) -> None:
    metadata = sandbox.parse(pdf([[PROSE]]), name="x.pdf").metadata
    assert metadata["created"] == "2000-01-01T00:00:00+00:00"
    assert metadata["page_count"] == 1
    assert metadata["engine"] == "pdfium"


def test_word_divided_at_a_line_end_is_one_word(sandbox: ParserSandbox) -> None:
    text = sandbox.parse(pdf([["A ferry needs main-", "tenance every winter."]]), name="x.pdf").text
    assert "maintenance every winter" in text


def test_page_numbers_are_no_text(sandbox: ParserSandbox) -> None:
    document = sandbox.parse(pdf([[PROSE, "7"], [PROSE, "8"], [PROSE, "9"]]), name="x.pdf")
    assert not any(char.isdigit() for char in document.text)


def test_password_is_tried_and_missing_one_names_the_setting(sandbox: ParserSandbox) -> None:
    for algorithm in ("RC4-128", "AES-128", "AES-256"):
        data = locked(pdf([[PROSE]]), user_password="sesame", algorithm=algorithm)
        missing = rejection(sandbox, data)
        assert missing.kind is QuarantineKind.PASSWORD_REQUIRED
        assert "pdf_passwords" in missing.remedy
        wrong = rejection(sandbox, data, passwords=["hunter2", "letmein"])
        assert wrong.kind is QuarantineKind.PASSWORD_REQUIRED
        assert "hunter2" not in str(wrong)
        assert PROSE in sandbox.parse(data, name="x.pdf", passwords=["hunter2", "sesame"]).text


def test_empty_password_is_tried_by_itself(sandbox: ParserSandbox) -> None:
    assert PROSE in sandbox.parse(locked(pdf([[PROSE]]), user_password=""), name="x.pdf").text


def test_scan_has_no_text_and_the_remedy_is_ocr(sandbox: ParserSandbox) -> None:
    rejected = rejection(sandbox, scanned(2))
    assert rejected.kind is QuarantineKind.NO_TEXT
    assert "OCR" in rejected.remedy


def test_broken_cross_reference_table_does_not_cost_the_text(sandbox: ParserSandbox) -> None:
    data = pdf([[PROSE]])
    at = data.rindex(b"startxref")
    assert PROSE in sandbox.parse(data[:at] + b"startxref\n99999999\n%%EOF", name="x.pdf").text


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_truncated_file_is_read_as_far_as_it_goes_or_rejected(sandbox: ParserSandbox, share: float) -> None:
    data = pdf([[PROSE]] * 5)
    job = ParseJob(source=data[: int(len(data) * share)], name="x.pdf")
    [(_, result)] = sandbox.parse_many([job], workers=1)
    if isinstance(result, ParsedDocument):
        assert "ferry" in result.text
    else:
        assert isinstance(result, DocumentRejected)
        assert result.kind in {QuarantineKind.UNREADABLE, QuarantineKind.NO_TEXT}


def test_zero_pages_and_a_bare_header_are_unreadable_or_empty(sandbox: ParserSandbox) -> None:
    for data in (by_hand(zlib.compress(b""), kids=b"[]", count=0), b"%PDF-1.7\n%%EOF\n", b"%PDF-1.4 nothing at all"):
        assert rejection(sandbox, data).kind in {QuarantineKind.UNREADABLE, QuarantineKind.NO_TEXT}


def test_pages_that_point_at_themselves_end(sandbox: ParserSandbox) -> None:
    assert rejection(sandbox, by_hand(zlib.compress(b""), kids=b"[2 0 R]")).kind in {
        QuarantineKind.UNREADABLE,
        QuarantineKind.NO_TEXT,
    }


def test_broken_page_costs_that_page_only(sandbox: ParserSandbox) -> None:
    content = zlib.compress(b"BT /F1 12 Tf 60 700 Td (%s) Tj ET" % PROSE.encode())
    document = sandbox.parse(by_hand(content, kids=b"[3 0 R 9 0 R]", count=2), name="x.pdf")
    assert PROSE in quoted(document, 1)
    assert quoted(document, 2) == ""
    assert document.metadata["failed_pages"] == [2]


def test_bomb_is_stopped_by_memory_or_clock_and_the_next_document_parses() -> None:
    data = bomb(300 * MIB)
    assert len(data) < MIB
    with ParserSandbox(ParseLimits(timeout_s=5, max_memory_bytes=192 * MIB)) as sandbox:
        assert rejection(sandbox, data).kind in {QuarantineKind.TOO_MUCH_MEMORY, QuarantineKind.TOO_SLOW}
        assert PROSE in sandbox.parse(pdf([[PROSE]]), name="x.pdf").text


def test_more_pages_than_allowed_are_refused_by_name() -> None:
    with ParserSandbox(ParseLimits(max_pages=2)) as sandbox:
        rejected = rejection(sandbox, pdf([[PROSE]] * 3))
    assert rejected.kind is QuarantineKind.TOO_LARGE
    assert "max_pages" in rejected.message


def test_font_without_character_map_is_unreadable(sandbox: ParserSandbox) -> None:
    shown = "".join(f"\\{code:03o}" for code in range(1, 32)) * 20
    data = by_hand(zlib.compress(b"BT /F1 12 Tf 60 700 Td (%s) Tj ET" % shown.encode()))
    assert rejection(sandbox, data).kind in {QuarantineKind.UNREADABLE, QuarantineKind.NO_TEXT}


def test_page_that_comes_out_as_glyph_names_costs_that_page_only(sandbox: ParserSandbox) -> None:
    garbled = [" ".join(f"/G{n}" for n in range(10, 40))] * 6
    document = sandbox.parse(joined(pdf([[PROSE]]), pdf([garbled]), pdf([[PROSE]])), name="x.pdf")
    assert [quoted(document, page) for page in (1, 2, 3)] == [PROSE, "", PROSE]
    assert document.metadata["failed_pages"] == [2]
    assert document.metadata["warnings"] == ["page 2 could not be read"]


def test_page_that_outgrows_memory_or_clock_costs_that_page_only() -> None:
    data = joined(pdf([[PROSE]]), bomb(300 * MIB), pdf([[PROSE]]))
    with ParserSandbox(ParseLimits(timeout_s=6, max_memory_bytes=192 * MIB)) as sandbox:
        document = sandbox.parse(data, name="x.pdf")
    assert [quoted(document, page) for page in (1, 2, 3)] == [PROSE, "", PROSE]
    assert document.metadata["failed_pages"] == [2]
