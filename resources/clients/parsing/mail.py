"""E-mail (RFC 5322): who, to whom, when, about what; the body; attachments by name, plain ones with their text."""

from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default
from typing import cast

from rag_core.errors import DocumentRejected
from rag_core.parsed import JsonValue, ParsedDocument
from rag_core.text_cleaning import clean_line, clean_prose
from resources.clients.parsing.encoding import declared_charset, decode_text
from resources.clients.parsing.finishing import finished
from resources.clients.parsing.html import append_page
from resources.clients.parsing.limits import ParseLimits
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.rejections import unreadable
from resources.clients.parsing.text_builder import TextBuilder
from resources.clients.parsing.versions import EMAIL

_SHOWN = ("From", "To", "Cc", "Date")
_SIMPLE = frozenset({"text/plain", "text/markdown", "text/csv", "text/calendar"})
_MAX_PARTS = 500
_MAX_DEPTH = 20
_MAX_ATTACHMENT_CHARS = 1024 * 1024


def parse_mail(data: bytes, claims: Claims, limits: ParseLimits) -> ParsedDocument:
    """Return a message's subject, people and body; of several forms of the body the plain one."""
    message = message_from_bytes(data, policy=default)
    builder = TextBuilder(max_bytes=limits.max_text_bytes)
    subject = _header(message, "Subject")
    if subject:
        builder.add_heading(subject, level=1)
    shown = [f"{name}: {value}" for name in _SHOWN if (value := _header(message, name))]
    if shown:
        builder.add("\n".join(shown))
    warnings: list[str] = []
    attachments: list[JsonValue] = []
    parts = _leaves(message)
    body = _body_of(parts)
    for part in body:
        _add_text(builder, part, warnings)
    for part in parts:
        if part not in body and not _is_other_form(part):
            name = clean_line(part.get_filename() or "") or "unnamed"
            attachments.append(name)
            builder.add(f"Attachment: {name} ({part.get_content_type()})")
            if part.get_content_type() in _SIMPLE:
                _add_text(builder, part, warnings)
    return finished(
        builder,
        media_type=EMAIL,
        what="The message",
        name=claims.name,
        stated_title=subject,
        metadata=_metadata(message, attachments),
        warnings=warnings,
    )


def _leaves(message: EmailMessage) -> list[EmailMessage]:
    """Return the parts that hold something themselves, without recursion; an enclosed message's parts are its own."""
    leaves: list[EmailMessage] = []
    pending: list[tuple[EmailMessage, int]] = [(message, 0)]
    while pending:
        part, depth = pending.pop()
        if part.is_multipart() and depth < _MAX_DEPTH:
            inner = cast("list[EmailMessage]", part.get_payload())
            pending.extend((one, depth + 1) for one in reversed(inner))
            continue
        leaves.append(part)
        if len(leaves) > _MAX_PARTS:
            raise unreadable(f"It has more than {_MAX_PARTS} parts.")
    return leaves


def _body_of(parts: list[EmailMessage]) -> list[EmailMessage]:
    """Return the plain texts that are no attachments, or the HTML ones where there are none with words."""
    inline = [part for part in parts if part.get_content_disposition() != "attachment" and not part.get_filename()]
    for wanted in ("text/plain", "text/html"):
        found = [part for part in inline if part.get_content_type() == wanted and _bytes_of(part).strip()]
        if found:
            return found
    return []


def _is_other_form(part: EmailMessage) -> bool:
    """Say whether a part only repeats the body in another form, or is empty."""
    unnamed = part.get_content_disposition() != "attachment" and not part.get_filename()
    return unnamed and part.get_content_type() in {"text/html", "text/plain", "text/rtf", "text/enriched"}


def _add_text(builder: TextBuilder, part: EmailMessage, warnings: list[str]) -> None:
    content = _bytes_of(part)
    try:
        if part.get_content_type() == "text/html":
            append_page(builder, content)
            return
        decoded = decode_text(content, declared=declared_charset(f"charset={part.get_content_charset() or ''}"))
    except DocumentRejected as rejected:
        warnings.append(f"part {part.get_content_type()}: {rejected.message}")
        return
    text = clean_prose(decoded.text[:_MAX_ATTACHMENT_CHARS])
    if len(decoded.text) > _MAX_ATTACHMENT_CHARS:
        warnings.append(f"part {part.get_content_type()}: only its first {_MAX_ATTACHMENT_CHARS:,} characters are read")
    if text.strip():
        builder.add(text)


def _bytes_of(part: EmailMessage) -> bytes:
    content: object = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _metadata(message: EmailMessage, attachments: list[JsonValue]) -> dict[str, JsonValue]:
    metadata: dict[str, JsonValue] = {}
    for name in (*_SHOWN, "Message-ID", "In-Reply-To"):
        value = _header(message, name)
        if value:
            metadata[name.lower().replace("-", "_")] = value
    if attachments:
        metadata["attachments"] = attachments
    return metadata


def _header(message: EmailMessage, name: str) -> str:
    """Return a header on one line; one that cannot be understood is left out."""
    try:
        return clean_line(str(message.get(name, "")))[:2000]
    except (MessageError, ValueError, IndexError, TypeError, AttributeError):  # the parser of addresses is fragile
        return ""
