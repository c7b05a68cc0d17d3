"""How a stream's own JSON becomes documents: the ``mapping`` of a collection file."""

from collections.abc import Mapping

from pydantic import Field

from rag_core.metadata_rules import Declared


class MessageMapping(Declared):
    """Templates over a message's fields, such as ``{channel}/{page}``."""

    id: str | None = None
    title: str | None = None
    text: str | tuple[str, ...]
    url: str | None = None
    media_type: str | None = None
    metadata: Mapping[str, str] = Field(default_factory=dict)
    deleted: str | None = None
    op: str | None = None
    delete_ops: tuple[str, ...] = ("delete", "d")
