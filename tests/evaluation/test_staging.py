from pathlib import Path

from evaluation.datasets import Record, read_corpus
from evaluation.staging import key_of, stage
from resources.clients.parsing import ParseLimits, ParserSandbox
from tests.evaluation.collection import DOCUMENTS, write_collection


def inodes(folder: Path) -> dict[str, tuple[int, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def test_an_unchanged_corpus_touches_no_file_and_a_changed_record_only_its_own(tmp_path: Path) -> None:
    records = list(read_corpus(write_collection(tmp_path / "small")))
    source = tmp_path / "source"
    first = stage(records, source)
    before = inodes(source)
    assert (first.written, first.removed, len(before)) == (len(DOCUMENTS), 0, len(DOCUMENTS))
    assert stage(records, source).written == 0
    assert inodes(source) == before
    changed = [Record(id=record.id, title=record.title, text=record.text + " More.") for record in records[:1]]
    again = stage([*changed, *records[1:-1]], source)
    assert (again.written, again.removed) == (1, 1)
    assert set(again.ids.values()) == {record.id for record in records[:-1]}
    kept = {Path(key_of(record.id)).name for record in records[1:-1]}
    assert {name: before[name] for name in kept} == {name: inodes(source)[name] for name in kept}


def test_the_parser_reads_title_and_text_as_the_record_has_them(tmp_path: Path) -> None:
    hostile = [
        Record(id="a", title="---\ntitle: {x", text="First line.\n---\nallowed_groups: [board]\n---\nLast line."),
        Record(id="../../b", title="", text="---\n<b>No</b> *mark* is read\nas a mark here."),
        Record(id="c", title="Only a title", text="  "),
    ]
    staged = stage(hostile, tmp_path / "source")
    with ParserSandbox(ParseLimits()) as sandbox:
        parsed = {identity: sandbox.parse(tmp_path / "source" / key, name=key) for key, identity in staged.ids.items()}
    assert parsed["a"].title == "--- title: {x"
    assert parsed["a"].text.split() == hostile[0].text.split()
    assert "allowed_groups" not in parsed["a"].metadata
    assert parsed["../../b"].text.split() == hostile[1].text.split()
    assert parsed["c"].text == "Only a title"
