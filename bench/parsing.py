"""Pages parsed in a second by one killable worker: PDFs of our own making, and real ones where a folder is given."""

import time
from pathlib import Path
from statistics import median

from bench.corpora import made
from bench.found import Found
from rag_core.errors import DocumentRejected
from resources.clients.parsing import ParseLimits, ParserSandbox

_REPEATED = 3


def measure_parsing(folder: Path, pages: int, pdfs: Path | None, found: Found) -> None:
    """Parse a PDF of ``pages`` pages of prose three times; the median counts. Then each file of ``pdfs`` once."""
    path = folder / "pages.pdf"
    _write_pdf(path, pages)
    with ParserSandbox(ParseLimits()) as sandbox:
        sandbox.parse(b"The worker starts.", name="warm.txt")
        rates = []
        for _ in range(_REPEATED):
            began = time.perf_counter()
            parsed = sandbox.parse(path, name=path.name)
            rates.append(len(parsed.pages) / (time.perf_counter() - began))
        found.set("parse_pages_per_s", median(rates))
        found.tell("parsing", pages_of_the_made_pdf=pages)
        if pdfs is not None:
            _real_files(sandbox, pdfs, found)


def _real_files(sandbox: ParserSandbox, pdfs: Path, found: Found) -> None:
    files = sorted(pdfs.rglob("*.pdf"))
    number, rejected, began = 0, 0, time.perf_counter()
    for path in files:
        try:
            number += len(sandbox.parse(path, name=path.name).pages)
        except DocumentRejected:
            rejected += 1
    seconds = time.perf_counter() - began
    found.tell("parsing", real_files=len(files), real_pages_per_s=number / seconds, real_files_rejected=rejected)


def _write_pdf(path: Path, pages: int) -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), pagesize=A4)
    for record in made(pages, words=420, seed=5):
        text = canvas.beginText(60, 780)
        text.textLine(record.title)
        words = record.text.split()
        for at in range(0, len(words), 11):
            text.textLine(" ".join(words[at : at + 11]))
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
