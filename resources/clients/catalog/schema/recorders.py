"""Tables that recorders write."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
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

collections = Table(
    "collections",
    METADATA,
    name_column("collection", primary_key=True),
    count_column("next_number"),
    count_column("open_partition"),
    count_column("open_arrivals"),
    count_column("open_bytes"),
    count_column("first_claim"),
    comment="The recorders' counter, one row a collection: locked last, so numbers have no gaps.",
)

positions = Table(
    "positions",
    METADATA,
    name_column("collection", primary_key=True),
    name_column("source", primary_key=True),
    Column("value", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    time_column("moved_at"),
    comment="Each source's one bookmark, moved in the transaction that records what it passed.",
)

blocks = Table(
    "blocks",
    METADATA,
    name_column("collection", primary_key=True),
    Column("partition", BigInteger, primary_key=True),
    Column("first_number", BigInteger, nullable=False),
    count_column("arrivals"),
    count_column("bytes"),
    Column("is_full", Boolean, nullable=False, server_default="false"),
    time_column("opened_at"),
    time_column("kept_at", null=True),
    comment="Blocks of consecutive arrivals: Dagster's partitions.",
)

observations = Table(
    "observations",
    METADATA,
    name_column("collection", primary_key=True),
    name_column("source", primary_key=True),
    name_column("key", primary_key=True),
    Column("document_id", Uuid, nullable=False),
    Column("uri", BYTEWISE, nullable=False),
    Column("uri_start", BYTEWISE, Computed("left(uri, 500)", persisted=True)),
    Column("presence", Text, nullable=False),
    Column("announced", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    time_column("recorded_at"),
    # An expression, so that no look-up by key is planned on it, whatever the statistics of a new collection say.
    Index("observations_by_uri", text("(collection || '')"), "uri_start", "document_id"),
    Index("observations_present", "collection", "source", postgresql_where=text("presence = 'present'")),
    CheckConstraint("presence IN ('present', 'gone')", name="presence_is_known"),
    comment="The latest recorded observation of each key: what a repeated one is compared with.",
)

sweeps = Table(
    "sweeps",
    METADATA,
    name_column("collection", primary_key=True),
    name_column("source", primary_key=True),
    Column("sweep_id", Uuid, nullable=False),
    Column("first_number", BigInteger, nullable=False),
    time_column("started_at"),
    comment="The running sweep of each source, or the stopped one whose candidates wait for a person.",
)

sweep_missing = Table(
    "sweep_missing",
    METADATA,
    name_column("collection", primary_key=True),
    name_column("source", primary_key=True),
    Column("sweep_id", Uuid, primary_key=True),
    name_column("key", primary_key=True),
    comment="Deletion candidates of a sweep.",
)

sources = Table(
    "sources",
    METADATA,
    name_column("collection", primary_key=True),
    name_column("source", primary_key=True),
    Column("declared_globs", Text, nullable=False),
    Column("accepted_globs", Text, nullable=False),
    Column("is_declared", Boolean, nullable=False, server_default="true"),
    comment="What the collection file declared, and the globs whose deletions are accepted.",
)

stops = Table(
    "stops",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    name_column("collection"),
    name_column("source"),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("sweep_id", Uuid),
    Column("first_number", BigInteger),
    time_column("stopped_at"),
    time_column("confirmed_at", null=True),
    text_column("confirmed_by"),
    Index("stops_open", "collection", "source", unique=True, postgresql_where=text("confirmed_at IS NULL")),
    comment="Sources that stopped red, and who let them go on.",
)
