"""How a stream's own JSON becomes documents: the ``mapping`` of a collection file.

A template of which a field is missing or null is left out as a whole: a paragraph of the text, the title, an entry of
the metadata. Only rights are never left out: a message without the field that ``allowed_groups`` names is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from pydantic import Field, model_validator

from rag_core.messages.document import PLAIN_TEXT
from rag_core.messages.identifying import identity
from rag_core.messages.message import InlineDocument, Message, RejectKind, Removal
from rag_core.messages.metadata import check_details, checked_metadata
from rag_core.messages.reading import (
    MAX_TITLE_CHARS,
    MAX_URL_CHARS,
    MAX_WORD_CHARS,
    Fields,
    base64_decoded,
    encoded,
    storable,
)
from rag_core.messages.rejecting import bad_field, rejected
from rag_core.messages.templates import Template, compiled
from rag_core.metadata import ALLOWED_GROUPS, MAX_FIELDS
from rag_core.metadata_rules import Declared

_NOT_DELETED = frozenset({"", "false", "0", "no", "null", "none"})


class MessageMapping(Declared):
    """Templates over a message's fields, such as ``{channel}/{page}``; compiled when they are first used."""

    id: str | None = Field(default=None, description="Left out: the record's key is the id.")
    title: str | None = None
    text: tuple[str, ...] = Field(default=(), max_length=100, description="Paragraphs; one text is one paragraph.")
    content_base64: str | None = Field(default=None, description="In place of text: a field with a file's bytes.")
    url: str | None = None
    media_type: str | None = None
    metadata: Mapping[str, str] = Field(default_factory=dict[str, str], max_length=MAX_FIELDS - 2)
    deleted: str | None = Field(default=None, description="A field that is there and not false: the document is gone.")
    op: str | None = Field(default=None, description="A field that says what was done; see delete_ops.")
    delete_ops: tuple[str, ...] = Field(default=("delete", "d"), max_length=100)

    @model_validator(mode="before")
    @classmethod
    def _one_paragraph(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        fields = cast("Fields", given)
        return {**fields, "text": (fields["text"],)} if isinstance(fields.get("text"), str) else fields

    @model_validator(mode="after")
    def _templates_are_usable(self) -> "MessageMapping":
        if bool(self.text) == (self.content_base64 is not None):
            message = "a mapping has either text or content_base64"
            raise ValueError(message)
        of_fields = {"id": self.id, "title": self.title, "url": self.url, "text": "".join(self.text) or None}
        for name, template in of_fields.items():
            if template is not None and not compiled(template).has_fields:
                message = (
                    f"{name}: {template!r} is the same for every message; a field is written in braces: '{{name}}'"
                )
                raise ValueError(message)
        for name, template in {"deleted": self.deleted, "op": self.op, "content_base64": self.content_base64}.items():
            if template is not None and compiled(template).only_field is None:
                message = f"{name}: {template!r} must be one field in braces, such as '{{{name}}}'"
                raise ValueError(message)
        _ = self.ready
        return self

    @cached_property
    def ready(self) -> "ReadyMapping":
        """The mapping as it is applied; compiled once."""
        return ReadyMapping(
            id=_compiled(self.id),
            title=_compiled(self.title),
            text=tuple(compiled(paragraph) for paragraph in self.text),
            content_base64=_compiled(self.content_base64),
            url=_compiled(self.url),
            media_type=_compiled(self.media_type),
            metadata=tuple((name, compiled(template)) for name, template in self.metadata.items()),
            deleted=_compiled(self.deleted),
            op=_compiled(self.op),
            delete_ops=frozenset(op.lower() for op in self.delete_ops),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyMapping:
    """A mapping whose templates are compiled."""

    id: Template | None
    title: Template | None
    text: tuple[Template, ...]
    content_base64: Template | None
    url: Template | None
    media_type: Template | None
    metadata: tuple[tuple[str, Template], ...]
    deleted: Template | None
    op: Template | None
    delete_ops: frozenset[str]

    def decoded(self, message: Message, fields: Fields, *, max_bytes: int) -> InlineDocument | Removal:
        """Return the document that a message's fields make, or its removal; raises ``MessageRejected``."""
        given = None if self.id is None else self.id.rendered(fields)
        if self.id is not None and not given and not message.key:
            raise rejected(RejectKind.NO_ID, "The fields that make its id are missing, and the record has no key.")
        name = identity(message, given or None)
        if self._is_removal(fields):
            return Removal(id=name)
        title = _text("title", self.title, fields, max_chars=2**31)
        title = None if title is None else title[:MAX_TITLE_CHARS]
        url = _text("url", self.url, fields, max_chars=MAX_URL_CHARS)
        media_type = _text("media_type", self.media_type, fields, max_chars=MAX_WORD_CHARS)
        metadata = checked_metadata(self._metadata(fields)) if self.metadata else {}
        check_details(metadata, title=title, url=url)
        return InlineDocument(
            id=name,
            body=self._body(fields, max_bytes),
            media_type=media_type or (PLAIN_TEXT if self.text else None),
            title=title,
            url=url,
            metadata=metadata,
        )

    def _is_removal(self, fields: Fields) -> bool:
        if self.deleted is not None and (field := self.deleted.only_field) is not None:
            value = field.find(fields)
            if value and not (isinstance(value, str) and value.strip().lower() in _NOT_DELETED):
                return True
        if self.op is not None:
            op = self.op.rendered(fields)
            return op is not None and op.lower() in self.delete_ops
        return False

    def _metadata(self, fields: Fields) -> Fields:
        found: Fields = {}
        for name, template in self.metadata:
            field = template.only_field
            value = template.rendered(fields) if field is None else field.find(fields)
            if value is not None:
                found[name] = value
            elif name == ALLOWED_GROUPS:
                raise rejected(RejectKind.BAD_METADATA, "The field that says who may find the document is missing.")
        return found

    def _body(self, fields: Fields, max_bytes: int) -> bytes:
        if self.content_base64 is not None:
            content = self.content_base64.rendered(fields)
            if content is None:
                raise bad_field(self.content_base64.described, "is missing")
            return base64_decoded(self.content_base64.described, content, max_bytes=max_bytes)
        paragraphs = [text for template in self.text if (text := template.rendered(fields)) is not None]
        if not paragraphs:
            raise bad_field(self.text[0].described, "is missing, and so is all that could be the text")
        return encoded(
            "text", "\n\n".join(text for text in paragraphs if text and not text.isspace()), max_bytes=max_bytes
        )


def _compiled(template: str | None) -> Template | None:
    return None if template is None else compiled(template)


def _text(name: str, template: Template | None, fields: Fields, *, max_chars: int) -> str | None:
    text = None if template is None else template.rendered(fields)
    return storable(name, text, max_chars=max_chars) if text else None
