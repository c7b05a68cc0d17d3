"""Form (e): Wikimedia's ``recentchange`` events. The document is the page, so that all edits of it are one document.

An edit and a new page give the page's document: what was changed, by whom. A deletion removes it, and so does a move
for the title that the page left. Other log entries, categorizing, changes elsewhere that show here, and Wikimedia's
test events mean nothing.
"""

from urllib.parse import quote

from rag_core.identity import Json
from rag_core.messages.document import PLAIN_TEXT
from rag_core.messages.identifying import identity
from rag_core.messages.message import Decoded, InlineDocument, Message, Removal
from rag_core.messages.metadata import check_details, checked_metadata
from rag_core.messages.reading import (
    MAX_TITLE_CHARS,
    MAX_URL_CHARS,
    MAX_WORD_CHARS,
    Fields,
    encoded,
    object_of,
    required_text,
    text_of,
)
from rag_core.messages.rejecting import bad_field

_EDITS = {"edit": "edited", "new": "created"}
_NO_PAGE = frozenset({"categorize", "external"})
_LOG = "log"
_DELETIONS = ("delete", "delete_redir", "delete_redir2")
_TEST_DOMAIN = "canary"
_SCHEMA = "mediawiki/recentchange/"
_MAX_COMMENT_CHARS = 100_000


def is_recentchange(fields: Fields) -> bool:
    """Say whether an object names the schema of these events."""
    meta = object_of(fields, "meta")
    if meta is None:
        return False
    schema = fields.get("$schema") or meta.get("schema_uri")
    return type(schema) is str and schema.lstrip("/").startswith(_SCHEMA)


def recentchange(message: Message, fields: Fields, *, max_bytes: int) -> tuple[Decoded, ...]:
    """Return the page's document or its removal, or nothing; raises ``MessageRejected``."""
    meta = object_of(fields, "meta") or {}
    if meta.get("domain") == _TEST_DOMAIN:
        return ()
    kind = required_text(fields, "type")
    if kind in _NO_PAGE or (kind == _LOG and not _is_gone(fields)):
        return ()
    if kind != _LOG and kind not in _EDITS:
        raise bad_field("type", "is none of edit, new, log, categorize and external")
    wiki = required_text(fields, "wiki")
    title = required_text(fields, "title", max_chars=MAX_TITLE_CHARS)
    page = identity(message, f"{wiki}/{title}")
    if kind == _LOG:
        return (Removal(id=page),)
    user = text_of(fields, "user", max_chars=MAX_WORD_CHARS)
    server = text_of(fields, "server_name", max_chars=MAX_WORD_CHARS)
    edited_at = text_of(meta, "dt", max_chars=MAX_WORD_CHARS)
    comment = text_of(fields, "comment", max_chars=_MAX_COMMENT_CHARS)
    url = _url(fields, meta, title)
    revision = object_of(fields, "revision") or {}
    said: Fields = {
        "wiki": wiki,
        "server": server,
        "namespace": fields.get("namespace"),
        "user": user,
        "bot": fields.get("bot"),
        "minor": fields.get("minor"),
        "change": kind,
        "edited_at": edited_at,
        "revision": revision.get("new"),
    }
    metadata: dict[str, Json] = checked_metadata({name: value for name, value in said.items() if value is not None})
    check_details(metadata, title=title, url=url)
    what = f"{user or 'Somebody'} {_EDITS[kind]} {title} on {server or wiki}{_growth(fields)}."
    return (
        InlineDocument(
            id=page,
            body=encoded(
                "comment",
                f"{title}\n\n{comment}\n\n{what}\n" if comment else f"{title}\n\n{what}\n",
                max_bytes=max_bytes,
            ),
            media_type=PLAIN_TEXT,
            title=title,
            url=url,
            metadata=metadata,
        ),
    )


def _is_gone(fields: Fields) -> bool:
    """Say whether a log entry tells that there is no page of that title any more."""
    kind = fields.get("log_type")
    return kind == "move" or (kind == "delete" and fields.get("log_action") in _DELETIONS)


def _growth(fields: Fields) -> str:
    length = object_of(fields, "length") or {}
    old, new = length.get("old"), length.get("new")
    if type(new) is not int or not (old is None or type(old) is int) or abs(new) > 2**63:
        return ""
    change = new - (old or 0)
    if not change or abs(change) > 2**63:
        return ""
    return f": {abs(change)} bytes {'longer' if change > 0 else 'shorter'}"


def _url(fields: Fields, meta: Fields, title: str) -> str | None:
    said = text_of(meta, "uri", max_chars=MAX_URL_CHARS)
    server = text_of(fields, "server_url", max_chars=MAX_WORD_CHARS)
    if said is not None or server is None:
        return said
    return f"{server}/wiki/{quote(title.replace(' ', '_'))}"[:MAX_URL_CHARS]
