import io
from collections.abc import Sequence

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from rag_core.parsed import ParsedDocument
from resources.clients.parsing import ParseLimits
from resources.clients.parsing.document import parse_document
from resources.clients.parsing.media_types import Claims

Placed = tuple[float, float, str]


def drawn(*pages: Sequence[Placed], size: float = 10) -> ParsedDocument:
    """Parse a PDF with texts drawn at these places, in this order."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    for texts in pages:
        canvas.setFont("Helvetica", size)
        for x, y, text in texts:
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    return parse_document(out.getvalue(), Claims(name="x.pdf"), (), ParseLimits())


def column(words: str, lines: int) -> list[str]:
    return [f"{words} column has a line number {'abcdefghijklmnop'[n]} here" for n in range(lines)]


def test_columns_drawn_line_by_line_are_read_one_after_the_other() -> None:
    left, right = column("The left", 12), column("The right", 12)
    rows = [(50.0, 700 - 12.0 * n, text) for n, text in enumerate(left)]
    beside = [(320.0, 700 - 12.0 * n, text) for n, text in enumerate(right)]
    interleaved = [piece for pair in zip(rows, beside, strict=True) for piece in pair]
    heading = (50.0, 740.0, "A heading that reaches over both of the columns of this page, from left to right")
    text = drawn([heading, *interleaved]).text
    assert [line for line in text.split("\n") if line][1:] == [*left, *right]


def test_columns_drawn_in_reading_order_stay_in_it() -> None:
    left, right = column("The left", 12), column("The right", 12)
    texts = [(50.0, 700 - 12.0 * n, text) for n, text in enumerate(left)]
    texts += [(320.0, 700 - 12.0 * n, text) for n, text in enumerate(right)]
    assert [line for line in drawn(texts).text.split("\n") if line] == [*left, *right]


def test_rows_of_cells_become_a_table() -> None:
    cells = [["port", "leaves", "price"], ["Oslund", "7:00", "12"], ["Vik", "9:30", "8"], ["Ny", "11:00", "31"]]
    texts = [(50.0, 760.0, "The winter timetable of the ferries, with their prices:")]
    texts += [(60.0 + 120 * at, 720 - 14.0 * n, cell) for n, row in enumerate(cells) for at, cell in enumerate(row)]
    texts += [(50.0, 600.0, "Children travel free of charge.")]
    document = drawn(texts)
    table = "port | leaves | price\nOslund | 7:00 | 12\nVik | 9:30 | 8\nNy | 11:00 | 31"
    assert [document.text[block.start : block.end] for block in document.blocks] == [table]
    assert document.text.endswith("Children travel free of charge.")


def test_running_heads_and_feet_are_left_out_on_every_page() -> None:
    pages = [
        [
            (60.0, 810.0, "Harbour rules" if n % 2 else "Oslund ferries"),
            (60.0, 700.0, f"On the {word} day the ferry leaves at seven."),
            (60.0, 30.0, f"Page {n + 1} of 6"),
        ]
        for n, word in enumerate(["first", "second", "third", "fourth", "fifth", "sixth"])
    ]
    document = drawn(*pages)
    assert "Harbour" not in document.text
    assert "Page" not in document.text
    assert document.text.count("leaves at seven") == 6
    assert [span.number for span in document.pages] == [1, 2, 3, 4, 5, 6]


def test_line_that_repeats_in_the_middle_of_pages_is_text() -> None:
    def stack(page: int, words: str, top: float) -> list[Placed]:
        return [(60.0, top - 40 * at, f"{page} {word}") for at, word in enumerate(words)]

    middle = (60.0, 400.0, "The same sentence stands in the middle.")
    pages = [[*stack(n, "abcd", 780.0), middle, *stack(n, "efgh", 300.0)] for n in range(4)]
    assert drawn(*pages).text.count("The same sentence stands in the middle.") == 4


def test_equal_pages_are_kept() -> None:
    assert drawn(*[[(60.0, 700.0, "Nothing on this page but this.")]] * 4).text.count("Nothing on this page") == 4


def test_language_of_the_text_is_metadata() -> None:
    english = "The ferry leaves the harbour at seven and it comes back before noon, as it is for all of us."
    german = "Die Fähre verlässt den Hafen um sieben und sie ist mit der Ebbe zurück, wie es auch im Plan steht."
    assert drawn([(60.0, 700.0, english)]).metadata["language"] == "en"
    assert drawn([(60.0, 700.0, german)]).metadata["language"] == "de"
    assert "language" not in drawn([(60.0, 700.0, "Oslund Vik Ny Havn")]).metadata
