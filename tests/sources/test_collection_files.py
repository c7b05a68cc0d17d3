"""Collection files: everything wrong is said at once, with file, line and field."""

from pathlib import Path

import pytest

from rag_core.errors import ConfigurationError
from resources.clients.collection_files import check_collections, load_collections

_GOOD = "name: {name}\nsources:\n  - name: inbox\n    url: ./inbox\n"


def _problems(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "notes.yaml").write_text(text)
    return [f"{each.line} {each.field}: {each.message}" for each in check_collections(tmp_path)]


def test_the_shipped_examples_are_usable() -> None:
    loaded = load_collections(Path("collections"))
    assert [each.collection.name for each in loaded] == ["handbook", "research_notes"]
    assert loaded[1].collection.default_access == "nobody"


def test_every_problem_is_named_with_its_line_and_field(tmp_path: Path) -> None:
    problems = _problems(
        tmp_path,
        """\
name: Bad Name
sources:
  - name: inbox
    url: ftp://x
    include: ["/abs"]
    metadata:
      - { from: path, template: nothing }
      - { from: elsewhere }
    sweep:
      interval_s: 0
  - url: ./b
partition_size: many
unknown: 1
""",
    )
    assert [problem.split(":")[0] for problem in problems] == [
        "1 name",
        "4 sources[0].url",
        "5 sources[0].include[0]",
        "7 sources[0].metadata[0].template",
        "8 sources[0].metadata[1]",
        "10 sources[0].sweep.interval_s",
        "11 sources[1].name",
        "12 partition_size",
        "13 unknown",
    ]


def test_a_name_that_is_none_is_told_of_in_words(tmp_path: Path) -> None:
    said = _problems(tmp_path, "name: cms-pages\nkafka:\n  streams: [{name: X, topics: [t]}]\n")
    rule = "is no name: two to 48 lower-case letters, digits and underscores, a letter first"
    assert said == [f"1 name: 'cms-pages' {rule}", f"3 kafka.streams[0].name: 'X' {rule}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [", "1 : expected the node content"),
        ("a: &x [1]\nb: *x\n", "2 : aliases (*name) are not allowed"),
        ("name: !!python/object:os.system x\n", "1 : could not determine a constructor"),
        ("- 1\n", "1 : a collection file is a mapping"),
        ("", "1 : a collection file is a mapping"),
        ("x: " + "[" * 50 + "]" * 50, "1 : it is nested too deeply"),
        (_GOOD.format(name="notes") + "description: a\ndescription: b\n", "6 description: is written twice"),
        (_GOOD.format(name="notes") + "#" * 300_000, "0 : is larger than 262144 bytes"),
        ("name: notes\nsources: []\n", "1 : the collection has no sources and no kafka.streams: name one at least"),
    ],
)
def test_what_is_no_usable_yaml_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    problems = _problems(tmp_path, text)
    assert len(problems) == 1
    assert problems[0].startswith(expected), problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("    inclde: ['*.md']\n", "5 sources[0].inclde: unknown field 'inclde'; did you mean 'include'?"),
        (
            "    sweep: {intervals: 3}\n",
            "5 sources[0].sweep.intervals: unknown field 'intervals'; did you mean 'interval_s'?",
        ),
        (
            "    metadata:\n      - { from: sidecar, sufix: .x }\n",
            "6 sources[0].metadata[0].sufix: unknown field 'sufix'; did you mean 'suffix'?",
        ),
        ("uploads: {source: inbox, prefx: x}\n", "5 uploads.prefx: unknown field 'prefx'; did you mean 'prefix'?"),
        ("embedding: {zzz: x}\n", "5 embedding.zzz: unknown field 'zzz'; there are: model, runtime"),
    ],
)
def test_an_unknown_field_is_said_with_the_known_one_that_is_nearest(tmp_path: Path, text: str, expected: str) -> None:
    assert _problems(tmp_path, _GOOD.format(name="notes") + text) == [expected]


def test_a_name_declared_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(_GOOD.format(name="notes"))
    (tmp_path / "b.yml").write_text("# again\n" + _GOOD.format(name="notes"))
    assert [str(each) for each in check_collections(tmp_path)] == [
        f"{tmp_path}/b.yml:2: name: 'notes' is declared in a.yaml already"
    ]


def _overlaps(tmp_path: Path, *urls: str) -> list[str]:
    sources = "".join(f"  - name: source{number}\n    url: {url!r}\n" for number, url in enumerate(urls))
    return _problems(tmp_path, f"name: notes\nsources:\n{sources}")


@pytest.mark.parametrize(
    ("first", "second", "relation"),
    [
        ("inbox", "./inbox/", "is the same place as"),
        ("inbox", "other/../inbox", "is the same place as"),
        ("inbox", "file://{here}/inbox", "is the same place as"),
        ("inbox", "file://{here}/in%62ox/deep", "lies inside"),
        ("inbox/deep/er", "inbox", "holds"),
        (".", "inbox", "lies inside"),
        ("inbox", "link", "is the same place as"),
        ("inbox", "link/deep", "lies inside"),
        ("link/deep", "inbox", "holds"),
        ("missing", "missing/below", "lies inside"),
        ("s3://bucket", "s3://bucket/", "is the same place as"),
        ("s3://bucket/in", "s3://bucket/in/", "is the same place as"),
        ("s3://bucket", "s3://bucket/in/deep", "lies inside"),
        ("s3://bucket/in/deep", "s3://bucket/in", "holds"),
    ],
)
def test_source_roots_that_share_objects_are_refused(tmp_path: Path, first: str, second: str, relation: str) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "inbox")
    problems = _overlaps(tmp_path, first.format(here=tmp_path), second.format(here=tmp_path))
    assert len(problems) == 1
    assert problems[0].startswith("6 sources[1].url: ")
    assert f"{relation} {first!r} of source 'source0'" in problems[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("inbox", "inbox2"),
        ("inbox/a", "inbox/b"),
        ("inbox", "INBOX"),  # two folders where the file system tells them apart, as this one does
        ("s3://bucket/in", "s3://bucket/inbox"),
        ("s3://bucket/in", "s3://bucket/IN"),
        ("s3://bucket/in", "s3://other/in"),
        ("s3://bucket", "bucket"),
    ],
)
def test_source_roots_beside_each_other_are_usable(tmp_path: Path, first: str, second: str) -> None:
    for name in ("inbox/a", "inbox/b", "INBOX"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    if (tmp_path / "INBOX").samefile(tmp_path / "inbox") and second == "INBOX":
        pytest.skip("this file system does not tell upper from lower case")
    assert _overlaps(tmp_path, first, second) == []


def test_a_url_that_names_no_root_is_a_problem_of_its_line(tmp_path: Path) -> None:
    assert _overlaps(tmp_path, "inbox", "file://server/share")[0].startswith("6 sources[1].url: ")


def test_loading_says_all_of_it_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: 1\nsources: 2\n")
    with pytest.raises(ConfigurationError, match="rag collections check") as refused:
        load_collections(tmp_path)
    assert "a.yaml:1: name:" in str(refused.value)
    assert "a.yaml:2: sources:" in str(refused.value)
    with pytest.raises(ConfigurationError, match="is not there"):
        load_collections(tmp_path / "nowhere")
