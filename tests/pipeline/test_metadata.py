"""A change of metadata or rights alone is written without embedding."""

from rag_core.index_spec import Payload
from tests.pipeline.corpus import SUFFIX, Corpus, paragraphs


def test_a_changed_sidecar_writes_rights_and_metadata_and_embeds_nothing(corpus: Corpus) -> None:
    corpus.write("a.md", "# Apples\n\n" + paragraphs("apple", "pear"))
    corpus.ingest()
    asked = len(corpus.embedder.embedded)
    corpus.write(f"a.md{SUFFIX}", "team: growers\nallowed_groups: [red]")
    [report] = corpus.ingest()
    assert len(corpus.embedder.embedded) == asked
    assert (report.counts.embedded, report.counts.points_written, report.counts.parsed) == (0, 0, 0)
    assert report.counts.documents_described == 1
    payloads = [payload for payload, _, _ in corpus.points().values()]
    assert {tuple(payload[Payload.ALLOWED_GROUPS]) for payload in payloads} == {("red",)}
    assert {payload[Payload.METADATA]["team"] for payload in payloads} == {"growers"}


def test_a_changed_title_embeds_again_because_the_encoders_see_it(corpus: Corpus) -> None:
    corpus.write("a.md", "# Apples\n\n" + paragraphs("apple", "pear"))
    corpus.ingest()
    chunks = len(corpus.points())
    corpus.write(f"a.md{SUFFIX}", "title: Pomes")
    [report] = corpus.ingest()
    assert report.counts.embedded == chunks
    assert {payload[Payload.TITLE] for payload, _, _ in corpus.points().values()} == {"Pomes"}
    assert len(corpus.points()) == chunks


def test_changed_rules_alone_are_written_when_the_block_is_reconciled(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.ingest()
    corpus.changed = {"default_access": "nobody"}
    report = corpus.reconcile()
    assert (report.counts.documents_described, report.counts.embedded) == (1, 0)
    assert [payload[Payload.ALLOWED_GROUPS] for payload, _, _ in corpus.points().values()] == [[]] * len(
        corpus.points()
    )


def test_a_broken_sidecar_quarantines_with_what_to_correct(corpus: Corpus) -> None:
    corpus.write("a.md", paragraphs("apple"))
    corpus.write(f"a.md{SUFFIX}", "allowed_groups: {not: a list}")
    corpus.ingest()
    shown = corpus.document("a.md")
    assert shown.reason.kind == "bad-metadata"
    assert corpus.points() == {}
