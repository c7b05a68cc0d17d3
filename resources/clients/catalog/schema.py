"""The catalog's tables, as SQLAlchemy ``MetaData``; the migrations build exactly these (a test compares them).

Who locks what keeps recorders and writers apart: recorders write ``collections``, ``positions``, ``blocks`` and
``observations`` and insert into ``arrivals``; runs write ``claims``, ``documents``, ``document_indexes``,
``intents``, ``parts``, ``part_rows`` and update ``arrivals``. There are no foreign keys: they would take share locks
across that line.

``arrivals.due_at`` is the one marker of due work, beside the state that users see: pending and retrying arrivals
always have it, processing ones never, and a settled one has it while it waits for reconciliation.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

METADATA = MetaData()
_NOW = text("now()")
_BYTEWISE = Text(collation="C")


def _time(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=null, server_default=None if null else _NOW)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _name(name: str, *, primary_key: bool = False) -> Column[str]:
    return Column(name, _BYTEWISE, primary_key=primary_key, nullable=False)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


collections = Table(
    "collections",
    METADATA,
    _name("collection", primary_key=True),
    _count("next_number"),
    _count("open_partition"),
    _count("open_arrivals"),
    _count("open_bytes"),
    comment="The recorders' counter, one row a collection: locked last, so numbers have no gaps.",
)

positions = Table(
    "positions",
    METADATA,
    _name("collection", primary_key=True),
    _name("source", primary_key=True),
    Column("value", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    _time("moved_at"),
    comment="Each source's one bookmark, moved in the transaction that records what it passed.",
)

blocks = Table(
    "blocks",
    METADATA,
    _name("collection", primary_key=True),
    Column("partition", BigInteger, primary_key=True),
    Column("first_number", BigInteger, nullable=False),
    _count("arrivals"),
    _count("bytes"),
    Column("is_full", Boolean, nullable=False, server_default="false"),
    _time("opened_at"),
    comment="Blocks of consecutive arrivals: Dagster's partitions.",
)

observations = Table(
    "observations",
    METADATA,
    _name("collection", primary_key=True),
    _name("source", primary_key=True),
    _name("key", primary_key=True),
    Column("document_id", Uuid, nullable=False),
    Column("uri", _BYTEWISE, nullable=False),
    Column("uri_start", _BYTEWISE, Computed("left(uri, 500)", persisted=True)),
    Column("presence", Text, nullable=False),
    Column("announced", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    _time("recorded_at"),
    Index("observations_by_uri", "collection", "uri_start", "document_id"),
    Index("observations_present", "collection", "source", postgresql_where=text("presence = 'present'")),
    CheckConstraint("presence IN ('present', 'gone')", name="presence_is_known"),
    comment="The latest recorded observation of each key: what a repeated one is compared with.",
)

arrivals = Table(
    "arrivals",
    METADATA,
    _name("collection", primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("partition", BigInteger, nullable=False),
    Column("document_id", Uuid, nullable=False),
    _name("source"),
    _name("key"),
    Column("uri", _BYTEWISE, nullable=False),
    Column("presence", Text, nullable=False),
    Column("announced", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("stays", Integer, nullable=False, server_default="0"),
    Column("alone", Boolean, nullable=False, server_default="false"),
    Column("reconcile", Boolean, nullable=False, server_default="false"),
    _time("due_at", null=True),
    _text("due_reason"),
    _text("run_id"),
    Column("claim", BigInteger, nullable=False, server_default="0"),
    _text("reason_kind"),
    _text("reason"),
    _text("remedy"),
    _text("tried_spec"),
    _text("read_version"),
    Column("read_version_id", Text),
    _time("recorded_at"),
    _time("changed_at"),
    Index("arrivals_due", "collection", "partition", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("arrivals_of_document", "document_id", "number"),
    Index("arrivals_by_state", "collection", "state", "number"),
    Index("arrivals_quarantined", "collection", "tried_spec", postgresql_where=text("state = 'quarantined'")),
    CheckConstraint(
        "state IN ('pending', 'processing', 'retrying', 'indexed', 'unchanged',"
        " 'superseded', 'quarantined', 'deleted')",
        name="state_is_known",
    ),
    CheckConstraint("state NOT IN ('pending', 'retrying') OR due_at IS NOT NULL", name="open_is_due"),
    CheckConstraint("state <> 'processing' OR due_at IS NULL", name="processing_is_not_due"),
    comment="Every recorded observation, numbered without gaps, and what became of it.",
)

failures = Table(
    "failures",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _name("collection"),
    Column("document_id", Uuid, nullable=False),
    Column("arrival", BigInteger, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    _time("failed_at"),
    Index("failures_of_document", "document_id", "id"),
    comment="The newest 20 failures of each document, written by a trigger when a begun arrival fails.",
)

sweeps = Table(
    "sweeps",
    METADATA,
    _name("collection", primary_key=True),
    _name("source", primary_key=True),
    Column("sweep_id", Uuid, nullable=False),
    Column("first_number", BigInteger, nullable=False),
    _time("started_at"),
    comment="The running sweep of each source, or the stopped one whose candidates wait for a person.",
)

sweep_missing = Table(
    "sweep_missing",
    METADATA,
    _name("collection", primary_key=True),
    _name("source", primary_key=True),
    Column("sweep_id", Uuid, primary_key=True),
    _name("key", primary_key=True),
    comment="Deletion candidates of a sweep.",
)

sources = Table(
    "sources",
    METADATA,
    _name("collection", primary_key=True),
    _name("source", primary_key=True),
    Column("declared_globs", Text, nullable=False),
    Column("accepted_globs", Text, nullable=False),
    Column("is_declared", Boolean, nullable=False, server_default="true"),
    comment="What the collection file declared, and the globs whose deletions are accepted.",
)

stops = Table(
    "stops",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _name("collection"),
    _name("source"),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("sweep_id", Uuid),
    Column("first_number", BigInteger),
    _time("stopped_at"),
    _time("confirmed_at", null=True),
    _text("confirmed_by"),
    Index("stops_open", "collection", "source", unique=True, postgresql_where=text("confirmed_at IS NULL")),
    comment="Sources that stopped red, and who let them go on.",
)

claims = Table(
    "claims",
    METADATA,
    _name("collection", primary_key=True),
    Column("partition", BigInteger, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("lane", Text, nullable=False),
    _text("run_id"),
    _time("lease_until"),
    _time("taken_at"),
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
    _name("collection"),
    Column("place", BigInteger),
    Column("is_tombstone", Boolean, nullable=False, server_default="false"),
    _time("changed_at"),
    comment="The row that is locked while a document is written, and its place in the order; kept as a tombstone.",
)

document_indexes = Table(
    "document_indexes",
    METADATA,
    Column("document_id", Uuid, primary_key=True),
    _name("index_name", primary_key=True),
    _name("collection"),
    Column("indexed_arrival", BigInteger, nullable=False),
    Column("indexed_run", Text, nullable=False),
    _time("indexed_at"),
    Column("confirmed_arrival", BigInteger, nullable=False),
    Column("confirmed_run", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("version_id", Text),
    _text("title"),
    _text("media_type"),
    _text("parser"),
    _text("chunking"),
    _text("metadata_rules"),
    _text("code_version"),
    Column("asked_spec", Text, nullable=False, server_default=""),
    _count("chunks"),
    _count("size_bytes"),
    Index("document_indexes_by_spec", "index_name", "parser", "chunking", "metadata_rules", "asked_spec"),
    Index("document_indexes_by_arrival", "collection", "indexed_arrival"),
    comment="What an index holds of a document: one row for each document that answers there.",
)

intents = Table(
    "intents",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _name("collection"),
    _name("index_name"),
    Column("document_id", Uuid, nullable=False),
    Column("arrival", BigInteger, nullable=False),
    Column("run_id", Text, nullable=False),
    _time("opened_at"),
    _time("orphaned_at", null=True),
    Index("intents_of_document", "document_id", "index_name"),
    Index("intents_of_run", "run_id"),
    comment="Writes that were begun and not closed; a row of a dead run makes its document due.",
)

parts = Table(
    "parts",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _name("collection"),
    Column("partition", BigInteger, nullable=False),
    _name("asset"),
    _name("fingerprint"),
    _name("file"),
    _count("rows"),
    _count("bytes"),
    _count("arrivals"),
    _time("named_at"),
    _time("unnamed_at", null=True),
    Index("parts_by_file", "file", unique=True),
    Index("parts_of_block", "collection", "partition", "asset", "fingerprint"),
    Index("parts_unnamed", "unnamed_at", postgresql_where=text("unnamed_at IS NOT NULL")),
    comment="Part files; one that no arrival is named for any more is garbage from unnamed_at on.",
)

part_rows = Table(
    "part_rows",
    METADATA,
    _name("collection", primary_key=True),
    _name("asset", primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _name("fingerprint", primary_key=True),
    Column("part_id", BigInteger, nullable=False),
    _time("named_at"),
    Index("part_rows_of_part", "part_id"),
    comment="Which file holds an arrival's rows, for each asset and spec.",
)

indexes = Table(
    "indexes",
    METADATA,
    _name("collection"),
    _name("physical_name", primary_key=True),
    Column("spec", JSONB, nullable=False),
    Column("is_active", Boolean, nullable=False),
    _time("created_at"),
    Index("indexes_active", "collection", unique=True, postgresql_where=text("is_active")),
    comment="Physical indexes by name and spec; one of a collection is active.",
)
