"""Lines are sent as they are; their keys come from their fields, and what is none is told with its place."""

import gzip
import json
from pathlib import Path

import pytest

from local_stack.producing.json_lines import JsonLines
from local_stack.producing.keys import key_by, no_key, page_key
from local_stack.producing.outgoing import BadInput, Outgoing
from rag_core.errors import InvalidRequest
from rag_core.messages.decoding import decode
from rag_core.messages.message import Form, InlineDocument, Message, Removal

EXAMPLES = Path(__file__).parents[2] / "rag_core" / "messages" / "examples"


def lines_of(path: Path, body: bytes, **options: object) -> list[Outgoing | BadInput]:
    path.write_bytes(body)
    given = {"key_of": no_key, "max_bytes": 1000, **options}
    return list(JsonLines([path], **given))  # type: ignore[arg-type] - a test's own keywords


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_is_sent_as_it_is(tmp_path: Path, packed: bool) -> None:
    body = b'\xef\xbb\xbf{"id": 1,  "text": "\\u00e9"}\r\n\n  \n{"id": 2}'
    found = lines_of(tmp_path / "a", gzip.compress(body) if packed else body)
    assert [each.value for each in found] == [b'{"id": 1,  "text": "\\u00e9"}', b'{"id": 2}']
    assert [each.where.rpartition(":")[2] for each in found] == ["1", "4"]
    assert [each.key for each in found] == [None, None]


@pytest.mark.parametrize("template", ["page.id", "{page.id}", "{id|page.id}"])
def test_keys_come_from_fields(tmp_path: Path, template: str) -> None:
    found = lines_of(tmp_path / "a", b'{"page": {"id": 7}}\n', key_of=key_by(template, topic="t"))
    assert [each.key for each in found] == [b"7"]


def test_bad_lines_are_told_with_their_place_and_the_others_come(tmp_path: Path) -> None:
    lines = [
        b'{"k": "a"}',
        b"[1]",
        b"{",
        b'{"k": ""}',
        b"{}",
        b'{"k": "%s"}' % (b"x" * 2000),
        b'{"k": "\xff"}',
        b'{"k": "z"}',
    ]
    found = lines_of(tmp_path / "a", b"\n".join(lines), key_of=key_by("k", topic="t"))
    assert [isinstance(each, BadInput) for each in found] == [False, *[True] * 6, False]
    assert [each.where for each in found][-1] == f"{tmp_path / 'a'}:8"
    assert "larger than the topic's limit" in found[5].problem


def test_a_gzip_file_that_is_cut_off_is_told_after_what_it_held(tmp_path: Path) -> None:
    lines = b"".join(b'{"number": %d, "text": "%d"}\n' % (number, number**7) for number in range(5000))
    (tmp_path / "a.gz").write_bytes(gzip.compress(lines)[:-500])
    found: list[object] = []
    with pytest.raises(InvalidRequest, match="gzip data"):
        found.extend(JsonLines([tmp_path / "a.gz"], key_of=no_key, max_bytes=1000))
    assert found


def test_a_missing_file_is_told_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="is not there"):
        JsonLines([tmp_path / "gone"], key_of=no_key, max_bytes=1000)
    with pytest.raises(InvalidRequest, match="is a folder"):
        JsonLines([tmp_path], key_of=no_key, max_bytes=1000)


@pytest.mark.parametrize("template", ["", "{", "{}", "a..b", "plain}"])
def test_a_template_that_names_no_field_is_refused(template: str) -> None:
    with pytest.raises(InvalidRequest, match="--key"):
        key_by(template, topic="t")


def test_a_change_has_the_key_that_its_stream_reads_as_the_page() -> None:
    key_of = page_key("t")
    documents = 0
    for path in sorted(EXAMPLES.glob("recentchange*.json")):
        fields = json.loads(path.read_text())["value"]
        key, value = key_of(fields), json.dumps(fields).encode()
        unnamed = Message(topic="t", partition=0, offset=0, timestamp_ms=-1, key=None, value=value)
        named = Message(topic="t", partition=0, offset=0, timestamp_ms=-1, key=key, value=value)
        meant = decode(unnamed, form=Form.AUTO, max_bytes=10**6)
        assert decode(named, form=Form.AUTO, max_bytes=10**6) == meant
        if any(isinstance(each, InlineDocument | Removal) for each in meant):
            assert key == f"{fields['wiki']}/{fields['title']}".encode()
            documents += 1
        else:
            assert key == fields["meta"]["id"].encode()
    assert documents >= 2


def test_a_change_that_means_nothing_never_stands_for_the_page_of_its_title() -> None:
    meta = {"id": "one", "domain": "en.wikipedia.org", "schema_uri": "mediawiki/recentchange/1.0.0"}
    change = {"$schema": "/mediawiki/recentchange/1.0.0", "meta": meta, "wiki": "enwiki", "title": "Category:A"}
    assert page_key("t")({**change, "type": "edit"}) == b"enwiki/Category:A"
    assert page_key("t")({**change, "type": "categorize"}) == b"one"
