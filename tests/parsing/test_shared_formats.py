"""Real files of eight formats: how much of what another tool reads in them stands in our text."""

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag_core.errors import DocumentRejected
from resources.clients.parsing.document import parse_document
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from tests.parsing.shared_data import shared_folder
from tests.parsing.word_recall import recall, words_of

JUSTIFIED = {"example_image_01.png": "unsupported-format"}
"""Sources that are no documents: a picture that one of the HTML files shows."""


def sources(folder: Path) -> Iterator[tuple[Path, Path | None]]:
    for source in sorted(path for path in (folder / "sources").rglob("*") if path.is_file()):
        expected = [folder / "groundtruth" / f"{name}.md" for name in (source.name, source.stem)]
        yield source, next((path for path in expected if path.exists()), None)


def test_words_are_counted_without_markdown_marks() -> None:
    assert words_of("# A **b** [c](http://x) ![d](e)\n<!-- image -->\n| f\\_g | H |") == words_of("a b c f g h")
    assert recall("one two two", "two one") == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", ["csv", "docx", "html", "md", "odf", "pdf", "pptx", "xlsx"])
def test_text_holds_the_words_that_another_tool_reads(kind: str) -> None:
    folder = shared_folder("multiformat_gt_share_docling") / kind
    shares: dict[str, float] = {}
    rejected: dict[str, str] = {}
    for source, expected in sources(folder):
        try:
            document = parse_document(source.read_bytes(), Claims(name=source.name), (), ParseLimits())
        except DocumentRejected as reason:
            rejected[source.name] = str(reason.kind)
            continue
        if expected is not None:
            shares[source.name] = recall(expected.read_text(), document.text)
    assert rejected.items() <= JUSTIFIED.items()
    assert statistics.median(shares.values()) >= 0.95, sorted(shares.items(), key=lambda item: item[1])[:5]
