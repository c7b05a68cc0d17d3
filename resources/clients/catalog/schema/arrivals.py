"""The table of arrivals: recorders insert into it, runs update it, never the same row at once.

``due_at`` is the one marker of due work, beside the state that users see: pending and retrying arrivals always have it,
processing ones never, and a settled one has it while it waits for reconciliation. ``before`` is what ``begin`` changed,
kept while the arrival is in processing. ``stays`` counts how often it stayed due in a row. ``traceparent`` names the
span in whose course the arrival was recorded, as the upload or the message said it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.clients.catalog.schema.columns import (
    BYTEWISE,
    METADATA,
    name_column,
    text_column,
    time_column,
)

arrivals = Table(
    "arrivals",
    METADATA,
    name_column("collection", primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("partition", BigInteger, nullable=False),
    Column("document_id", Uuid, nullable=False),
    name_column("source"),
    name_column("key"),
    Column("uri", BYTEWISE, nullable=False),
    Column("presence", Text, nullable=False),
    Column("announced", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("stays", Integer, nullable=False, server_default="0"),
    Column("alone", Boolean, nullable=False, server_default="false"),
    Column("reconcile", Boolean, nullable=False, server_default="false"),
    time_column("due_at", null=True),
    text_column("due_reason"),
    text_column("run_id"),
    Column("claim", BigInteger, nullable=False, server_default="0"),
    text_column("reason_kind"),
    text_column("reason"),
    text_column("remedy"),
    text_column("tried_spec"),
    Column("before", JSONB(none_as_null=True)),
    text_column("read_version"),
    Column("read_version_id", Text),
    time_column("recorded_at"),
    time_column("changed_at"),
    Column("traceparent", Text),
    Index("arrivals_due", "collection", "partition", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("arrivals_of_document", "document_id", "number"),
    Index("arrivals_by_state", "collection", "state", "number"),
    Index("arrivals_quarantined", "collection", "source", "tried_spec", postgresql_where=text("state = 'quarantined'")),
    CheckConstraint(
        "state IN ('pending', 'processing', 'retrying', 'indexed', 'unchanged',"
        " 'superseded', 'quarantined', 'deleted')",
        name="state_is_known",
    ),
    CheckConstraint("state NOT IN ('pending', 'retrying') OR due_at IS NOT NULL", name="open_is_due"),
    CheckConstraint("state <> 'processing' OR due_at IS NULL", name="processing_is_not_due"),
    comment="Every recorded observation, numbered without gaps, and what became of it.",
)
