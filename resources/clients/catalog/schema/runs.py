"""Tables that runs write."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.clients.catalog.schema.columns import (
    BYTEWISE,
    METADATA,
    count_column,
    name_column,
    text_column,
    time_column,
)

claims = Table(
    "claims",
    METADATA,
    name_column("collection", primary_key=True),
    Column("partition", BigInteger, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("lane", Text, nullable=False),
    text_column("run_id"),
    time_column("lease_until"),
    time_column("lapsed_at", null=True),
    time_column("taken_at"),
    Column("is_retired", Boolean, nullable=False, server_default="false"),
    Index("claims_running", "lease_until", postgresql_where=text("state = 'running'")),
    Index("claims_of_run", "run_id"),
    CheckConstraint("state IN ('requested', 'running', 'released')", name="claim_state_is_known"),
    comment="Who works on a block; the number counts every taking and makes the run key.",
)

documents = Table(
    "documents",
    METADATA,
    Column("document_id", Uuid, primary_key=True),
    name_column("collection"),
    Column("place", BigInteger),
    Column("is_tombstone", Boolean, nullable=False, server_default="false"),
    time_column("changed_at"),
    comment="The row that is locked while a document is written, and its place in the order; kept as a tombstone.",
)

document_indexes = Table(
    "document_indexes",
    METADATA,
    Column("document_id", Uuid, primary_key=True),
    name_column("index_name", primary_key=True),
    name_column("collection"),
    Column("source", BYTEWISE, nullable=False, server_default=""),
    Column("indexed_arrival", BigInteger, nullable=False),
    Column("indexed_run", Text, nullable=False),
    time_column("indexed_at"),
    Column("confirmed_arrival", BigInteger, nullable=False),
    Column("confirmed_run", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("version_id", Text),
    text_column("title"),
    text_column("media_type"),
    text_column("parser"),
    text_column("chunking"),
    text_column("metadata_rules"),
    text_column("code_version"),
    Column("asked_spec", Text, nullable=False, server_default=""),
    time_column("asked_at", null=True),
    count_column("chunks"),
    count_column("size_bytes"),
    Index("document_indexes_by_spec", "index_name", "source", "parser", "chunking", "metadata_rules", "asked_spec"),
    Index("document_indexes_by_arrival", "collection", "indexed_arrival"),
    Index("document_indexes_by_confirmed", "collection", "confirmed_arrival"),
    comment="What an index holds of a document: one row for each document that answers there.",
)

intents = Table(
    "intents",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    name_column("collection"),
    name_column("index_name"),
    Column("document_id", Uuid, nullable=False),
    Column("arrival", BigInteger, nullable=False),
    Column("run_id", Text, nullable=False),
    time_column("opened_at"),
    time_column("orphaned_at", null=True),
    Index("intents_of_document", "document_id", "index_name"),
    Index("intents_of_run", "run_id"),
    comment="Writes that were begun and not closed; a row of a dead run makes its document due.",
)

parts = Table(
    "parts",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    name_column("collection"),
    Column("partition", BigInteger, nullable=False),
    name_column("asset"),
    name_column("fingerprint"),
    name_column("file"),
    count_column("rows"),
    count_column("bytes"),
    count_column("arrivals"),
    time_column("named_at"),
    time_column("unnamed_at", null=True),
    time_column("dead_at", null=True),
    Index("parts_by_file", "file", unique=True),
    Index("parts_of_block", "collection", "partition", "asset", "fingerprint"),
    Index("parts_unnamed", "unnamed_at", postgresql_where=text("unnamed_at IS NOT NULL")),
    comment="Part files; rows in one count no more from dead_at on, and all of it is garbage from unnamed_at on.",
)

part_rows = Table(
    "part_rows",
    METADATA,
    name_column("collection", primary_key=True),
    name_column("asset", primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    name_column("fingerprint", primary_key=True),
    Column("part_id", BigInteger, nullable=False),
    time_column("named_at"),
    Index("part_rows_of_part", "part_id"),
    comment="Which file holds an arrival's rows, for each asset and spec.",
)

indexes = Table(
    "indexes",
    METADATA,
    name_column("collection"),
    name_column("physical_name", primary_key=True),
    Column("spec", JSONB, nullable=False),
    Column("is_active", Boolean, nullable=False),
    time_column("created_at"),
    Index("indexes_active", "collection", unique=True, postgresql_where=text("is_active")),
    comment="Physical indexes by name and spec; one of a collection is active.",
)

failures = Table(
    "failures",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    name_column("collection"),
    Column("document_id", Uuid, nullable=False),
    Column("arrival", BigInteger, nullable=False),
    text_column("run_id"),
    time_column("at"),
    Column("kind", Text, nullable=False),
    text_column("reason"),
    text_column("remedy"),
    Index("failures_of_document", "document_id", "id"),
    comment="How documents failed, transiently or for good: the newest twenty of each.",
)
