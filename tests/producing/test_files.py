"""Files become inline documents whose bytes are the file's, under its path as the key."""

import os
from pathlib import Path

import pytest

from local_stack.producing.files import file_messages
from local_stack.producing.outgoing import BadInput, LeftOut, Outgoing
from rag_core.errors import InvalidRequest
from rag_core.messages.decoding import decode
from rag_core.messages.message import Form, InlineDocument, Message


def decoded(sent: Outgoing) -> InlineDocument:
    message = Message(topic="t", partition=0, offset=0, timestamp_ms=-1, key=sent.key, value=sent.value)
    (document,) = decode(message, form=Form.AUTO, max_bytes=10**6)
    assert isinstance(document, InlineDocument)
    return document


def test_each_file_of_a_folder_is_a_document_with_its_own_bytes(tmp_path: Path) -> None:
    contents = {
        "docs/a.md": "# Ä\r\n\ufeffß".encode(),
        "docs/deep/b.txt": b"",
        "docs/c.pdf": b"%PDF-1.4 \xff\xfe",
        "docs/latin.txt": "é".encode("latin-1"),
        "docs/nul.txt": b"a\0b",
        "docs/100% sure.html": b"<html>",
    }
    for name, body in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(body)
    found = {each.key: each for each in file_messages([tmp_path / "docs"], topic="t", max_bytes=10_000)}
    assert {key.decode(): decoded(each).body for key, each in found.items()} == contents
    documents = {key.decode(): decoded(each) for key, each in found.items()}
    assert documents["docs/a.md"].media_type == "text/markdown"
    assert documents["docs/c.pdf"].media_type == "application/pdf"


def test_hidden_files_and_links_are_left_out_by_name(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.md").write_text("a")
    (tmp_path / ".env").write_text("secret")
    (tmp_path / "link.md").symlink_to(tmp_path / "a.md")
    os.mkfifo(tmp_path / "pipe")
    found = list(file_messages([tmp_path], topic="t", max_bytes=1000))
    left_out = {Path(each.where).name: each.reason for each in found if isinstance(each, LeftOut)}
    assert left_out == {".git": "hidden", ".env": "hidden", "link.md": "link", "pipe": "no regular file"}
    assert [Path(each.where).name for each in found if isinstance(each, Outgoing)] == ["a.md"]


def test_too_large_and_too_long_say_what_to_do(tmp_path: Path) -> None:
    large, long = tmp_path / "large.bin", tmp_path.joinpath(*["x" * 200] * 5, "y.md")
    large.write_bytes(b"x" * 1001)
    long.parent.mkdir(parents=True)
    long.write_text("x")
    bad = [each for each in file_messages([tmp_path], topic="t", max_bytes=1000) if isinstance(each, BadInput)]
    assert [Path(each.where).name for each in bad] == ["large.bin", "y.md"]
    assert "reference" in bad[0].remedy
    assert "1024" in bad[1].problem


def test_a_path_that_is_not_there_and_two_files_of_one_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="There is no file"):
        list(file_messages([tmp_path / "gone"], topic="t", max_bytes=1000))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.md").write_text(name)
    with pytest.raises(InvalidRequest, match=r"both have the key 'a\.md'"):
        list(file_messages([tmp_path / "one" / "a.md", tmp_path / "two" / "a.md"], topic="t", max_bytes=1000))
