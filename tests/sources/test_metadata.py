"""Metadata rules: later rules win, groups never widen by accident, bad metadata is a rejected document."""

import pytest
from pydantic import TypeAdapter

from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.metadata import DocumentMetadata, resolve_metadata
from rag_core.metadata_rules import MetadataRule

_RULES = TypeAdapter(tuple[MetadataRule, ...])


def _resolve(*rules: dict[str, object], **given: object) -> DocumentMetadata:
    asked: dict[str, object] = {"key": "x", "sidecar_text": None, "user_metadata": None, "parsed_metadata": {}, **given}
    return resolve_metadata(_RULES.validate_python(rules), **asked)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("template", "key", "expected"),
    [
        ("{team}/{year}/**", "red/2024/a/b.pdf", {"team": "red", "year": "2024"}),
        ("{team}/{year}/**", "red/b.pdf", {}),
        ("notes-{year}/*.md", "notes-2024/a.md", {"year": "2024"}),
        ("notes-{year}/*.md", "notes-2024/sub/a.md", {}),
        ("{team}/**", "a+b/c", {"team": "a+b"}),
    ],
)
def test_a_path_template_binds_whole_segments(template: str, key: str, expected: dict[str, str]) -> None:
    assert _resolve({"from": "path", "template": template}, key=key).metadata == expected


def test_later_rules_win_field_by_field_and_only_named_fields_are_taken() -> None:
    resolved = _resolve(
        {"from": "path", "template": "{team}/**"},
        {"from": "front_matter", "fields": ["team", "title", "date"]},
        {"from": "object", "fields": ["Team", "allowed_groups"]},
        {"from": "sidecar"},
        key="blue/x",
        parsed_metadata={"team": "red", "title": "A title", "secret": "x"},
        user_metadata={"team": "green", "allowed_groups": "staff, leads", "other": "x"},
        sidecar_text='{"status": "done", "n": 3}',
    )
    assert resolved.metadata == {"Team": "green", "n": 3, "status": "done", "team": "red"}
    assert resolved.title == "A title"
    assert resolved.allowed_groups == ("leads", "staff")


def test_named_tags_are_taken_as_written_and_groups_may_stand_between_spaces() -> None:
    rule = {"from": "tags", "fields": ["Team", "allowed_groups"]}
    tags = {"Team": "red", "team": "blue", "allowed_groups": " staff  leads "}
    resolved = _resolve(rule, tags=tags)
    assert resolved.metadata == {"Team": "red"}
    assert resolved.allowed_groups == ("leads", "staff")
    assert _resolve(rule, tags={"allowed_groups": "board of x, staff"}).allowed_groups == ("board of x", "staff")
    assert _resolve(rule, tags={"allowed_groups": ""}).allowed_groups == ()
    assert _resolve(rule, tags={}).allowed_groups is None


def test_yaml_sidecars_become_plain_json() -> None:
    resolved = _resolve(
        {"from": "sidecar"}, sidecar_text="reviewed: 2024-05-01\nallowed_groups: [b, a, a]\ntags: [x, {y: 1}]\n"
    )
    assert resolved.metadata == {"reviewed": "2024-05-01", "tags": ["x", {"y": 1}]}
    assert resolved.allowed_groups == ("a", "b")
    assert _resolve({"from": "sidecar"}, sidecar_text="").metadata == {}
    assert _resolve({"from": "sidecar"}, sidecar_text="allowed_groups: []").allowed_groups == ()


@pytest.mark.parametrize(
    "text",
    [
        "{not json",
        "- a list",
        "a: [",
        "a: &x [1]\nb: *x",
        "allowed_groups:",
        "allowed_groups: [1]",
        "allowed_groups: {a: b}",
        "n: .nan",
        "a: !!python/object/apply:os.system [true]",
        "1: x",
        "a: " + "x" * 5000,
        "a: [[[[[[1]]]]]]",
        "x" * 70_000,
        "[" * 20_000,
        "\n".join(f"f{number}: 1" for number in range(100)),
    ],
)
def test_bad_metadata_rejects_the_document_and_says_what_to_correct(text: str) -> None:
    with pytest.raises(DocumentRejected) as rejected:
        _resolve({"from": "sidecar"}, sidecar_text=text)
    assert rejected.value.kind is QuarantineKind.BAD_METADATA
    assert rejected.value.remedy
