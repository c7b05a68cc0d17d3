"""SeaweedFS's own notifications, captured from its filer: which object to look at, and what means nothing."""

import pytest

from rag_core.arrivals import Presence
from rag_core.messages.decoding import decode
from rag_core.messages.message import Form, Message, MessageRejected
from tests.messages.records import MAX_BYTES, example, message


def hints(given: Message, form: Form = Form.S3) -> list[tuple[str, Presence]]:
    return [(hint.uri, hint.presence) for hint in decode(given, form=form, max_bytes=MAX_BYTES)]  # type: ignore[union-attr]


def entry(name: str, *, is_directory: bool = False) -> bytes:
    return _field(1, name.encode()) + (b"\x10\x01" if is_directory else b"")


def changed(key: str, *, old: bytes | None = None, new: bytes | None = None, parent: str = "") -> Message:
    parts = [(1, old), (2, new), (4, parent.encode() or None)]
    return message(b"".join(_field(number, part) for number, part in parts if part is not None), key=key)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


@pytest.mark.parametrize("form", [Form.AUTO, Form.S3])
def test_what_a_filer_sent_is_understood(form: Form) -> None:
    (created,) = decode(example("s3-seaweedfs-created"), form=form, max_bytes=MAX_BYTES)
    (removed,) = decode(example("s3-seaweedfs-removed"), form=form, max_bytes=MAX_BYTES)
    assert created.uri == removed.uri  # type: ignore[union-attr]
    assert created.uri.endswith("/in/a%20b%2B%C3%A9.txt")  # type: ignore[union-attr]
    assert (created.size_bytes, created.media_type) == (5, "text/plain")  # type: ignore[union-attr]
    assert (created.presence, removed.presence) == (Presence.PRESENT, Presence.GONE)  # type: ignore[union-attr]


def test_a_rename_is_a_removal_and_a_creation() -> None:
    moved = changed("/buckets/docs/a.txt", old=entry("a.txt"), new=entry("b.txt"), parent="/buckets/docs/in")
    assert hints(moved) == [("s3://docs/in/b.txt", Presence.PRESENT), ("s3://docs/a.txt", Presence.GONE)]


def test_an_update_in_place_is_one_look() -> None:
    same = changed("/buckets/docs/a.txt", old=entry("a.txt"), new=entry("a.txt"), parent="/buckets/docs")
    assert hints(same) == [("s3://docs/a.txt", Presence.PRESENT)]


def test_a_change_of_a_version_is_a_look_at_its_object() -> None:
    version = changed("/buckets/docs/in/a.txt.versions/v_12", old=entry("v_12"))
    assert hints(version) == [("s3://docs/in/a.txt", Presence.PRESENT)]


@pytest.mark.parametrize(
    "path",
    [
        "/buckets/docs/.uploads/77/0001.part",
        "/buckets/.system/owners/admin/docs",
        "/etc/seaweedfs/filer.conf",
        "/buckets/docs",
    ],
)
def test_what_is_no_object_of_a_bucket_means_nothing(path: str) -> None:
    assert hints(changed(path, new=entry(path.rsplit("/", 1)[1]), parent=path.rsplit("/", 1)[0])) == []


def test_a_folder_means_nothing() -> None:
    assert hints(changed("/buckets/docs/in", new=entry("in", is_directory=True), parent="/buckets/docs")) == []


@pytest.mark.parametrize("value", [b"\x12", b"\x12\x05ab", b"\xff" * 12, b"\x0b", b"\x0a\x02\x0a\x09", b""])
def test_bytes_that_are_no_notification_are_refused(value: bytes) -> None:
    with pytest.raises(MessageRejected):
        hints(message(value, key="/buckets/docs/a"), Form.AUTO)
