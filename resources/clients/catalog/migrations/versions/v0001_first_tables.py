"""The first tables: recorders' side and runs' side, kept apart (see schema.py)."""

from alembic import op

revision = "0001"
down_revision = None

_STATEMENTS = (
    """
    CREATE TABLE arrivals (
        collection TEXT COLLATE "C" NOT NULL,
        number BIGINT NOT NULL,
        partition BIGINT NOT NULL,
        document_id UUID NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        key TEXT COLLATE "C" NOT NULL,
        uri TEXT COLLATE "C" NOT NULL,
        presence TEXT NOT NULL,
        announced TEXT NOT NULL,
        size_bytes BIGINT NOT NULL,
        state TEXT DEFAULT 'pending' NOT NULL,
        attempts INTEGER DEFAULT '0' NOT NULL,
        crashes INTEGER DEFAULT '0' NOT NULL,
        alone BOOLEAN DEFAULT 'false' NOT NULL,
        reconcile BOOLEAN DEFAULT 'false' NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE,
        due_reason TEXT DEFAULT '' NOT NULL,
        run_id TEXT DEFAULT '' NOT NULL,
        claim BIGINT DEFAULT '0' NOT NULL,
        reason_kind TEXT DEFAULT '' NOT NULL,
        reason TEXT DEFAULT '' NOT NULL,
        remedy TEXT DEFAULT '' NOT NULL,
        tried_spec TEXT DEFAULT '' NOT NULL,
        read_version TEXT DEFAULT '' NOT NULL,
        read_version_id TEXT,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (collection, number),
        CONSTRAINT state_is_known CHECK (state IN ('pending', 'processing', 'retrying', 'indexed', 'unchanged',
            'superseded', 'quarantined', 'deleted')),
        CONSTRAINT open_is_due CHECK (state NOT IN ('pending', 'retrying') OR due_at IS NOT NULL),
        CONSTRAINT processing_is_not_due CHECK (state <> 'processing' OR due_at IS NULL)
    )
    """,
    """
    CREATE INDEX arrivals_by_state ON arrivals (collection, state, number)
    """,
    """
    CREATE INDEX arrivals_due ON arrivals (collection, partition, due_at) WHERE due_at IS NOT NULL
    """,
    """
    CREATE INDEX arrivals_of_document ON arrivals (document_id, number)
    """,
    """
    CREATE INDEX arrivals_quarantined ON arrivals (collection, tried_spec) WHERE state = 'quarantined'
    """,
    """
    COMMENT ON TABLE arrivals IS 'Every recorded observation, numbered without gaps, and what became of it.'
    """,
    """
    CREATE TABLE blocks (
        collection TEXT COLLATE "C" NOT NULL,
        partition BIGINT NOT NULL,
        first_number BIGINT NOT NULL,
        arrivals BIGINT DEFAULT '0' NOT NULL,
        bytes BIGINT DEFAULT '0' NOT NULL,
        is_full BOOLEAN DEFAULT 'false' NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (collection, partition)
    )
    """,
    """
    COMMENT ON TABLE blocks IS 'Blocks of consecutive arrivals: Dagster''s partitions.'
    """,
    """
    CREATE TABLE claims (
        collection TEXT COLLATE "C" NOT NULL,
        partition BIGINT NOT NULL,
        number BIGINT NOT NULL,
        state TEXT NOT NULL,
        lane TEXT NOT NULL,
        run_id TEXT DEFAULT '' NOT NULL,
        lease_until TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        taken_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        is_retired BOOLEAN DEFAULT 'false' NOT NULL,
        PRIMARY KEY (collection, partition),
        CONSTRAINT claim_state_is_known CHECK (state IN ('requested', 'running', 'released'))
    )
    """,
    """
    CREATE INDEX claims_of_run ON claims (run_id)
    """,
    """
    CREATE INDEX claims_running ON claims (lease_until) WHERE state = 'running'
    """,
    """
    COMMENT ON TABLE claims IS 'Who works on a block; the number counts every taking and makes the run key.'
    """,
    """
    CREATE TABLE collections (
        collection TEXT COLLATE "C" NOT NULL,
        next_number BIGINT DEFAULT '0' NOT NULL,
        open_partition BIGINT DEFAULT '0' NOT NULL,
        open_arrivals BIGINT DEFAULT '0' NOT NULL,
        open_bytes BIGINT DEFAULT '0' NOT NULL,
        PRIMARY KEY (collection)
    )
    """,
    """
    COMMENT ON TABLE collections IS 'The recorders'' counter, one row a collection: locked last, so numbers have
            no gaps.'
    """,
    """
    CREATE TABLE document_indexes (
        document_id UUID NOT NULL,
        index_name TEXT COLLATE "C" NOT NULL,
        collection TEXT COLLATE "C" NOT NULL,
        indexed_arrival BIGINT NOT NULL,
        indexed_run TEXT NOT NULL,
        indexed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        confirmed_arrival BIGINT NOT NULL,
        confirmed_run TEXT NOT NULL,
        version TEXT NOT NULL,
        version_id TEXT,
        title TEXT DEFAULT '' NOT NULL,
        media_type TEXT DEFAULT '' NOT NULL,
        parser TEXT DEFAULT '' NOT NULL,
        chunking TEXT DEFAULT '' NOT NULL,
        metadata_rules TEXT DEFAULT '' NOT NULL,
        code_version TEXT DEFAULT '' NOT NULL,
        asked_spec TEXT DEFAULT '' NOT NULL,
        chunks BIGINT DEFAULT '0' NOT NULL,
        size_bytes BIGINT DEFAULT '0' NOT NULL,
        PRIMARY KEY (document_id, index_name)
    )
    """,
    """
    CREATE INDEX document_indexes_by_arrival ON document_indexes (collection, indexed_arrival)
    """,
    """
    CREATE INDEX document_indexes_by_spec ON document_indexes (index_name, parser, chunking, metadata_rules,
            asked_spec)
    """,
    """
    COMMENT ON TABLE document_indexes IS 'What an index holds of a document: one row for each document that
            answers there.'
    """,
    """
    CREATE TABLE documents (
        document_id UUID NOT NULL,
        collection TEXT COLLATE "C" NOT NULL,
        place BIGINT,
        is_tombstone BOOLEAN DEFAULT 'false' NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (document_id)
    )
    """,
    """
    COMMENT ON TABLE documents IS 'The row that is locked while a document is written, and its place in the
            order; kept as a tombstone.'
    """,
    """
    CREATE TABLE indexes (
        collection TEXT COLLATE "C" NOT NULL,
        physical_name TEXT COLLATE "C" NOT NULL,
        spec JSONB NOT NULL,
        is_active BOOLEAN NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (physical_name)
    )
    """,
    """
    CREATE UNIQUE INDEX indexes_active ON indexes (collection) WHERE is_active
    """,
    """
    COMMENT ON TABLE indexes IS 'Physical indexes by name and spec; one of a collection is active.'
    """,
    """
    CREATE TABLE intents (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        collection TEXT COLLATE "C" NOT NULL,
        index_name TEXT COLLATE "C" NOT NULL,
        document_id UUID NOT NULL,
        arrival BIGINT NOT NULL,
        run_id TEXT NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        orphaned_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE INDEX intents_of_document ON intents (document_id, index_name)
    """,
    """
    CREATE INDEX intents_of_run ON intents (run_id)
    """,
    """
    COMMENT ON TABLE intents IS 'Writes that were begun and not closed; a row of a dead run makes its document
            due.'
    """,
    """
    CREATE TABLE observations (
        collection TEXT COLLATE "C" NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        key TEXT COLLATE "C" NOT NULL,
        document_id UUID NOT NULL,
        uri TEXT COLLATE "C" NOT NULL,
        uri_start TEXT COLLATE "C" GENERATED ALWAYS AS (left(uri, 500)) STORED,
        presence TEXT NOT NULL,
        announced TEXT NOT NULL,
        number BIGINT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (collection, source, key),
        CONSTRAINT presence_is_known CHECK (presence IN ('present', 'gone'))
    )
    """,
    """
    CREATE INDEX observations_by_uri ON observations (collection, uri_start, document_id)
    """,
    """
    CREATE INDEX observations_present ON observations (collection, source) WHERE presence = 'present'
    """,
    """
    COMMENT ON TABLE observations IS 'The latest recorded observation of each key: what a repeated one is
            compared with.'
    """,
    """
    CREATE TABLE part_rows (
        collection TEXT COLLATE "C" NOT NULL,
        asset TEXT COLLATE "C" NOT NULL,
        number BIGINT NOT NULL,
        fingerprint TEXT COLLATE "C" NOT NULL,
        part_id BIGINT NOT NULL,
        named_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (collection, asset, number, fingerprint)
    )
    """,
    """
    CREATE INDEX part_rows_of_part ON part_rows (part_id)
    """,
    """
    COMMENT ON TABLE part_rows IS 'Which file holds an arrival''s rows, for each asset and spec.'
    """,
    """
    CREATE TABLE parts (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        collection TEXT COLLATE "C" NOT NULL,
        partition BIGINT NOT NULL,
        asset TEXT COLLATE "C" NOT NULL,
        fingerprint TEXT COLLATE "C" NOT NULL,
        file TEXT COLLATE "C" NOT NULL,
        rows BIGINT DEFAULT '0' NOT NULL,
        bytes BIGINT DEFAULT '0' NOT NULL,
        arrivals BIGINT DEFAULT '0' NOT NULL,
        named_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        unnamed_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE UNIQUE INDEX parts_by_file ON parts (file)
    """,
    """
    CREATE INDEX parts_of_block ON parts (collection, partition, asset, fingerprint)
    """,
    """
    CREATE INDEX parts_unnamed ON parts (unnamed_at) WHERE unnamed_at IS NOT NULL
    """,
    """
    COMMENT ON TABLE parts IS 'Part files; one that no arrival is named for any more is garbage from unnamed_at
            on.'
    """,
    """
    CREATE TABLE positions (
        collection TEXT COLLATE "C" NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        value JSONB NOT NULL,
        version BIGINT NOT NULL,
        moved_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (collection, source)
    )
    """,
    """
    COMMENT ON TABLE positions IS 'Each source''s one bookmark, moved in the transaction that records what it
            passed.'
    """,
    """
    CREATE TABLE sources (
        collection TEXT COLLATE "C" NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        declared_globs TEXT NOT NULL,
        accepted_globs TEXT NOT NULL,
        is_declared BOOLEAN DEFAULT 'true' NOT NULL,
        PRIMARY KEY (collection, source)
    )
    """,
    """
    COMMENT ON TABLE sources IS 'What the collection file declared, and the globs whose deletions are accepted.'
    """,
    """
    CREATE TABLE stops (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        collection TEXT COLLATE "C" NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        kind TEXT NOT NULL,
        reason TEXT NOT NULL,
        detail JSONB NOT NULL,
        sweep_id UUID,
        first_number BIGINT,
        stopped_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        confirmed_at TIMESTAMP WITH TIME ZONE,
        confirmed_by TEXT DEFAULT '' NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    CREATE UNIQUE INDEX stops_open ON stops (collection, source) WHERE confirmed_at IS NULL
    """,
    """
    COMMENT ON TABLE stops IS 'Sources that stopped red, and who let them go on.'
    """,
    """
    CREATE TABLE sweep_missing (
        collection TEXT COLLATE "C" NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        sweep_id UUID NOT NULL,
        key TEXT COLLATE "C" NOT NULL,
        PRIMARY KEY (collection, source, sweep_id, key)
    )
    """,
    """
    COMMENT ON TABLE sweep_missing IS 'Deletion candidates of a sweep.'
    """,
    """
    CREATE TABLE sweeps (
        collection TEXT COLLATE "C" NOT NULL,
        source TEXT COLLATE "C" NOT NULL,
        sweep_id UUID NOT NULL,
        first_number BIGINT NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
        PRIMARY KEY (collection, source)
    )
    """,
    """
    COMMENT ON TABLE sweeps IS 'The running sweep of each source, or the stopped one whose candidates wait for a
            person.'
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("sweeps")
    op.drop_table("sweep_missing")
    op.drop_table("stops")
    op.drop_table("sources")
    op.drop_table("positions")
    op.drop_table("parts")
    op.drop_table("part_rows")
    op.drop_table("observations")
    op.drop_table("intents")
    op.drop_table("indexes")
    op.drop_table("documents")
    op.drop_table("document_indexes")
    op.drop_table("collections")
    op.drop_table("claims")
    op.drop_table("blocks")
    op.drop_table("arrivals")
