"""The tables of streams: the newest message of each key, messages that fit no form, and what waits to be sent."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from resources.clients.catalog.schema.columns import (
    BYTEWISE,
    METADATA,
    count_column,
    name_column,
    text_column,
    time_column,
)

messages = Table(
    "messages",
    METADATA,
    name_column("collection", primary_key=True),
    name_column("source", primary_key=True),
    name_column("key", primary_key=True),
    Column("topic", BYTEWISE, nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("record_offset", BigInteger, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("presence", Text, nullable=False),
    Column("etag", Text, nullable=False),
    text_column("media_type"),
    text_column("details"),
    Column("body", LargeBinary),
    Column("size_bytes", BigInteger, nullable=False),
    count_column("reading"),
    time_column("recorded_at"),
    CheckConstraint("presence IN ('present', 'gone')", name="message_presence_is_known"),
    comment="The newest message of each key of a stream, in Kafka's order: the bytes exist nowhere else.",
)

dead_letters = Table(
    "dead_letters",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    name_column("collection"),
    name_column("source"),
    Column("topic", BYTEWISE, nullable=False),
    Column("incarnation", Integer, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("record_offset", BigInteger, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", JSONB, nullable=False),
    Column("value_bytes", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    text_column("reason"),
    text_column("remedy"),
    time_column("recorded_at"),
    Column("replays", Integer, nullable=False, server_default="0"),
    time_column("replayed_at", null=True),
    time_column("settled_at", null=True),
    Index(
        "dead_letters_of_place",
        "collection",
        "source",
        "topic",
        "incarnation",
        "partition",
        "record_offset",
        unique=True,
    ),
    Index("dead_letters_open", "collection", "id", postgresql_where=text("settled_at IS NULL")),
    comment="Messages that fit no form, with their bytes, place and reason, until they are replayed or discarded.",
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    name_column("collection"),
    Column("topic", BYTEWISE, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary),
    Column("headers", JSONB, nullable=False),
    time_column("created_at"),
    Index("outbox_of_collection", "collection", "id"),
    comment="What is to be sent to Kafka: written in the transaction that makes it true, deleted once acknowledged.",
)
