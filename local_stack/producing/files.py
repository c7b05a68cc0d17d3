"""Files become inline documents: the message's key is the file's path, as ``rag ingest`` would name its object."""

import base64
import json
import os
from collections.abc import Iterator, Sequence
from mimetypes import MimeTypes
from pathlib import Path

from local_stack.producing.keys import checked_key
from local_stack.producing.outgoing import BadInput, Item, LeftOut, Outgoing
from rag_core.errors import InvalidRequest
from rag_core.messages.message import MessageRejected
from resources.clients.parsing.media_types import Claims

MAX_FILES = 1_000_000
_TEXTS = frozenset(
    {"application/json", "application/jsonl", "application/xml", "application/javascript", "application/x-sh"}
)
_SEND_A_REFERENCE = (
    "Put it into a bucket and send a reference to it, or raise max.message.bytes of the topic (and max_message_bytes "
    "of the stream)."
)


def file_messages(paths: Sequence[Path], *, topic: str, max_bytes: int) -> Iterator[Item]:
    """Yield a message for every file under the paths, in the order of their keys; a folder keeps its own name.

    Raises ``InvalidRequest`` for a path that is not there, before anything is yielded from it, and for two files of
    the same key.
    """
    types = MimeTypes()  # Python's own table: what it says must not depend on the machine
    known: dict[str, Path] = {}
    for given in paths:
        top = Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would follow a link's name away
        for path in _files_of(top):
            if isinstance(path, BadInput | LeftOut):
                yield path
                continue
            key = path.relative_to(top.parent).as_posix()
            if known.setdefault(key, path) != path:
                raise InvalidRequest(
                    f"{known[key]} and {path} would both have the key {key!r}.", remedy="Name the folder of both."
                )
            if len(known) > MAX_FILES:
                raise InvalidRequest(f"More than {MAX_FILES} files.", remedy="Send them folder by folder.")
            yield _message(path, key, topic=topic, max_bytes=max_bytes, types=types)


def _message(path: Path, key: str, *, topic: str, max_bytes: int, types: MimeTypes) -> Outgoing | BadInput:
    try:
        named = checked_key(key, topic=topic)
    except MessageRejected as error:
        return BadInput(where=str(path), problem=error.message, remedy="Rename the file.")
    try:
        with path.open("rb") as opened:
            body = opened.read(max_bytes + 1)
    except OSError as error:
        return BadInput(where=str(path), problem=f"It cannot be read: {error.strerror}.", remedy="Check its rights.")
    if len(body) > max_bytes:
        problem = f"The file is larger than the topic's limit for a message, {max_bytes} bytes."
        return BadInput(where=str(path), problem=problem, remedy=_SEND_A_REFERENCE)
    media_type = Claims(name=path.name).text_type() or types.guess_type(path.name)[0]
    text = _text(body, media_type)
    content = {"text": text} if text is not None else {"content_base64": base64.b64encode(body).decode("ascii")}
    stated = {} if media_type is None else {"media_type": media_type}
    value = json.dumps({"id": key, **stated, **content}, ensure_ascii=False).encode()
    return Outgoing(key=named, value=value, where=str(path))


def _text(body: bytes, media_type: str | None) -> str | None:
    """Return a text file's text, None where only its bytes say it all."""
    if media_type is not None and not media_type.startswith("text/") and media_type not in _TEXTS:
        return None
    if b"\0" in body:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _files_of(top: Path) -> Iterator[Path | BadInput | LeftOut]:
    if top.is_dir():
        yield from _files_under(top)
    elif top.is_file():
        yield top
    elif top.exists():
        raise InvalidRequest(f"{top} is no regular file and no folder.", remedy="Check the path.")
    else:
        raise InvalidRequest(f"There is no file or folder {top}.", remedy="Check the path.")


def _files_under(top: Path) -> Iterator[Path | BadInput | LeftOut]:
    unreadable: list[OSError] = []
    for folder, folders, names in os.walk(top, followlinks=False, onerror=unreadable.append):
        inside = Path(folder)
        kept: list[str] = []
        for name in sorted(folders):
            reason = _why_left_out(inside / name)
            if reason:
                yield LeftOut(where=str(inside / name), reason=reason)
            else:
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            path = inside / name
            reason = _why_left_out(path) or ("" if path.is_file() else "no regular file")
            yield LeftOut(where=str(path), reason=reason) if reason else path
    for error in unreadable:
        yield BadInput(
            where=str(error.filename), problem=f"It cannot be read: {error.strerror}.", remedy="Check its rights."
        )


def _why_left_out(path: Path) -> str:
    if path.name.startswith("."):
        return "hidden"
    return "link" if path.is_symlink() else ""
