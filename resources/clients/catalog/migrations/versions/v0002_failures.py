"""The history of failures, delays that grow, leases seen lapsed, and each document's source beside what made it."""

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    "ALTER TABLE arrivals ADD COLUMN stays INTEGER DEFAULT '0' NOT NULL, ADD COLUMN before JSONB",
    "ALTER TABLE claims ADD COLUMN lapsed_at TIMESTAMP WITH TIME ZONE",
    """
    ALTER TABLE document_indexes ADD COLUMN source TEXT COLLATE "C" DEFAULT '' NOT NULL,
            ADD COLUMN asked_at TIMESTAMP WITH TIME ZONE
    """,
    """
    UPDATE document_indexes x SET source = a.source FROM arrivals a
    WHERE a.collection = x.collection AND a.number = x.indexed_arrival
    """,
    "DROP INDEX document_indexes_by_spec",
    """
    CREATE INDEX document_indexes_by_spec ON document_indexes (index_name, source, parser, chunking, metadata_rules,
            asked_spec)
    """,
    "DROP INDEX arrivals_quarantined",
    """
    CREATE INDEX arrivals_quarantined ON arrivals (collection, source, tried_spec) WHERE state = 'quarantined'
    """,
    """
    CREATE TABLE failures (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        collection TEXT COLLATE "C" NOT NULL,
        document_id UUID NOT NULL,
        arrival BIGINT NOT NULL,
        run_id TEXT DEFAULT '' NOT NULL,
        at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        kind TEXT NOT NULL,
        reason TEXT DEFAULT '' NOT NULL,
        remedy TEXT DEFAULT '' NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX failures_of_document ON failures (document_id, id)",
    "COMMENT ON TABLE failures IS 'How documents failed, transiently or for good: the newest twenty of each.'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("failures")
    op.execute("DROP INDEX arrivals_quarantined")
    op.execute("CREATE INDEX arrivals_quarantined ON arrivals (collection, tried_spec) WHERE state = 'quarantined'")
    op.execute("DROP INDEX document_indexes_by_spec")
    op.execute("ALTER TABLE document_indexes DROP COLUMN source, DROP COLUMN asked_at")
    op.execute(
        "CREATE INDEX document_indexes_by_spec ON document_indexes"
        " (index_name, parser, chunking, metadata_rules, asked_spec)"
    )
    op.execute("ALTER TABLE claims DROP COLUMN lapsed_at")
    op.execute("ALTER TABLE arrivals DROP COLUMN stays, DROP COLUMN before")
