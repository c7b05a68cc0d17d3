"""The tables of uploads: which arrival a file became, which requests were answered, which contents are known."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from resources.clients.catalog.schema import METADATA

_BYTEWISE = Text(collation="C")
_NOW = text("now()")

uploads = Table(
    "uploads",
    METADATA,
    Column("job_id", Uuid, primary_key=True),
    Column("collection", _BYTEWISE, nullable=False),
    Column("arrival", BigInteger, nullable=False),
    Column("source", _BYTEWISE, nullable=False),
    Column("key", _BYTEWISE, nullable=False),
    Column("document_id", Uuid, nullable=False),
    Column("uploader", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Index("uploads_of_key", "collection", "source", "key", "arrival"),
    comment="Which arrival an uploaded file became; the job's state is the arrival's.",
)

upload_requests = Table(
    "upload_requests",
    METADATA,
    Column("uploader", _BYTEWISE, primary_key=True),
    Column("idempotency_key", _BYTEWISE, primary_key=True),
    Column("request", Text, nullable=False, server_default=""),
    Column("answer", JSONB),
    Column("holder", Uuid, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("upload_requests_expired", "expires_at"),
    comment="Answers by Idempotency-Key, kept for a day; without an answer the request is still being received.",
)

contents = Table(
    "contents",
    METADATA,
    Column("collection", _BYTEWISE, primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    comment="The newest arrival whose stored rows were made from these bytes: another name for them embeds nothing.",
)
