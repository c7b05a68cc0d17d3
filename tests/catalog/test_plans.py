"""A few hundred thousand settled arrivals must not slow a tick: its statements use indexes, and here are the plans."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import TextClause, text

from resources.clients.catalog import (
    Catalog,
    claims,
    dead_runs,
    document_rows,
    due,
    failures,
    figures,
    indexes,
    locking,
    lost_parts,
    making_due,
    numbering,
    open_catalog,
    outcomes,
    parts,
    queries,
    retention,
    sources,
    unsettled,
    writing,
)
from resources.clients.catalog.values import Lane
from tests.catalog.observing import COLLECTION, INDEX, SOURCE, present
from tests.services.postgres import PostgresServer

ARRIVALS = 200_000
LARGE = {"arrivals", "observations", "documents", "document_indexes", "part_rows", "failures"}

FILL = """
INSERT INTO collections VALUES ('papers', 200000, 390, 320, 0);
INSERT INTO blocks (collection, partition, first_number, arrivals, bytes, is_full)
    SELECT 'papers', n, n * 512, 512, 0, true FROM generate_series(0, 390) n;
INSERT INTO claims (collection, partition, number, state, lane)
    SELECT 'papers', n, 0, 'released', 'batch' FROM generate_series(0, 390) n;
INSERT INTO arrivals (collection, number, partition, document_id, source, key, uri, presence, announced, size_bytes,
                      state, due_at)
    SELECT 'papers', n, n / 512, md5(n::text)::uuid, 'bucket', 'k' || n, 'file:///k' || n, 'present', 'v', 1,
           CASE n % 5000 WHEN 0 THEN 'pending' WHEN 1 THEN 'quarantined' WHEN 2 THEN 'processing' ELSE 'indexed' END,
           CASE WHEN n % 5000 = 0 THEN now() END
    FROM generate_series(0, 199999) n;
INSERT INTO observations (collection, source, key, document_id, uri, presence, announced, number)
    SELECT collection, source, key, document_id, uri, presence, announced, number FROM arrivals;
INSERT INTO documents (document_id, collection, place)
    SELECT document_id, collection, number FROM arrivals ORDER BY document_id;
INSERT INTO document_indexes (document_id, index_name, collection, source, indexed_arrival, indexed_run,
                              confirmed_arrival, confirmed_run, version, parser, chunking, metadata_rules)
    SELECT document_id, 'papers--0123', collection, source, number, 'r', number, 'r', 'v', 'p' || number % 3, 'c', 'm'
    FROM arrivals ORDER BY document_id;
INSERT INTO failures (collection, document_id, arrival, kind)
    SELECT 'papers', md5((n / 10)::text)::uuid, n / 10, 'transient' FROM generate_series(0, 199999) n;
INSERT INTO parts (collection, partition, asset, fingerprint, file, arrivals)
    SELECT 'papers', n, 'chunks', 'f', 'file' || n, 512 FROM generate_series(0, 390) n;
INSERT INTO part_rows (collection, asset, number, fingerprint, part_id)
    SELECT 'papers', 'chunks', n, 'f', n / 512 + 1 FROM generate_series(0, 199999) n;
"""

IN = {"collection": COLLECTION}
BLOCK = {**IN, "partition": 7}
MADE_BY_ONE_SPEC = {
    "index_name": INDEX,
    "source": SOURCE,
    "parser": "p1",
    "chunking": "c",
    "metadata_rules": "m",
    "wanted": "w",
    "limit": 1000,
}
OWNED = {**BLOCK, "claim": 0, "run_id": "r"}
SOME_IDS = [uuid4() for _ in range(64)]
DUE_BLOCKS = claims.due_blocks(COLLECTION, Lane.BATCH)
SWEPT = {**IN, "source": SOURCE, "sweep_id": uuid4(), "first_number": 7}

STATEMENTS: dict[str, tuple[TextClause, dict[str, Any]]] = {
    "request": (claims.REQUEST, {**DUE_BLOCKS, "limit": 10, "grace_s": 60}),
    "has work": (claims.HAS_WORK, DUE_BLOCKS),
    "due of a block": (due.DUE_OF_BLOCK, {**BLOCK, "limit": 64, "suspect": 2}),
    "newest of a block": (due.NEWEST_OF_BLOCK, {**BLOCK, "suspect": 2}),
    "left behind by runs": (dead_runs.LEFT_BEHIND, IN),
    "return what runs left behind": (
        dead_runs.RETURN,
        {
            **IN,
            "numbers": [2, 5002],
            "runs": ["", ""],
            "claims": [0, 0],
            "is_crash": True,
            "kind": "k",
            "reason": "c",
            "remedy": "r",
            "suspect": 2,
        },
    ),
    "reconcile": (dead_runs.RECONCILE, {"documents": SOME_IDS}),
    "begin": (
        due.BEGIN,
        {**OWNED, "numbers": list(range(64)), "suspect": 2, "reconcile": False, "sources": ["a"], "specs": ["s"]},
    ),
    "lock arrivals": (locking.LOCK_ARRIVALS, {**IN, "numbers": list(range(64))}),
    "stay due for longer": (
        unsettled.STAY_LONGER,
        {**OWNED, "numbers": list(range(64)), "first_s": 1.0, "longest_s": 900.0},
    ),
    "put back": (unsettled.PUT_BACK, {**OWNED, "numbers": list(range(64)), "delay_s": 1.0, "longest_s": 300.0}),
    "settle": (
        outcomes.SETTLE,
        {
            **OWNED,
            "number": 7,
            "document_id": SOME_IDS[0],
            "state": "pending",
            "delay_s": None,
            "kind": "",
            "reason": "",
            "remedy": "",
            "tried_spec": "",
            "read_version": "",
            "read_version_id": None,
            "first_s": 1.0,
            "longest_s": 900.0,
        },
    ),
    "remember failures": (failures.FORGET_OLDEST, {"documents": SOME_IDS, "kept": 20}),
    "failures of a document": (queries.FAILURES_OF, {"document_id": SOME_IDS[0]}),
    "documents of a lost index": (indexes.HELD_BY_INDEX, {"index_name": INDEX, "after": SOME_IDS[0], "limit": 1000}),
    "newest of documents": (making_due.LOCK_NEWEST, {"documents": SOME_IDS}),
    "known": (sources.KNOWN, {**IN, "source": SOURCE, "after": "k5", "limit": 1000}),
    "known through": (sources.KNOWN_THROUGH, {**IN, "source": SOURCE, "after": "k5", "through": "k6", "limit": 1000}),
    "present in a source": (sources.PRESENT_TOTAL, {**IN, "source": SOURCE}),
    "record's dedupe": (numbering._DROP_SAME, {**IN, "source": SOURCE, "older_than": None, "again": []}),
    "heads under lock": (
        writing.HEADS,
        {"ids": SOME_IDS, "numbers": list(range(64)), "index_name": INDEX, "run_id": "r", "opened": [1]},
    ),
    "oldest pending": (figures._OLDEST, {**IN}),
    "lock": (writing.LOCK, {"ids": SOME_IDS}),
    "reuse": (parts.LATEST_FOR, {"ids": SOME_IDS, "asset": "chunks", "fingerprint": "f"}),
    "files of a block": (parts._FILES, {**BLOCK, "asset": "chunks", "fingerprint": "f"}),
    "history in lost files": (lost_parts.FORGET_HISTORY, {**IN, "ids": [1, 2]}),
    "history of a block": (retention.FORGET_ROWS, {**BLOCK, "days": 90}),
    "specs in use": (making_due.MADE_BY, {"index_name": INDEX}),
    "questions taken back": (making_due.FORGET_QUESTION, MADE_BY_ONE_SPEC),
    "documents of another spec": (making_due.ASK_DOCUMENTS, MADE_BY_ONE_SPEC),
    "failures of another spec": (
        making_due.ASK_QUARANTINED,
        {**IN, "source": SOURCE, "wanted": "w", "limit": 1000},
    ),
    "due count": (queries.DUE_COUNT, {**IN, "at_most": 1000}),
    "counts by state": (queries.COUNTS, {**IN, "states": ["pending", "indexed"]}),
    "first page of documents": (
        document_rows.PAGE,
        {
            **IN,
            "prefix": "file:///k5",
            "prefix_start": "file:///k5",
            "prefix_end": "file:///k5" + document_rows.LAST_CHARACTER,
            "uri_start": "",
            "document_id": SOME_IDS[0],
            "limit": 100,
        },
    ),
    "documents in a state": (
        document_rows.IN_STATE,
        {**IN, "state": "quarantined", "number": -1, "prefix": "", "limit": 100},
    ),
    "one document": (document_rows.DOCUMENT, {"ids": SOME_IDS[:1]}),
    "indexed in a block": (document_rows.IN_BLOCK, BLOCK),
}


@pytest.fixture(scope="module")
def full(server: PostgresServer, migrated: str) -> Iterator[Catalog]:
    url = server.create_database(template=migrated)
    with open_catalog(url) as catalog:
        with catalog._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            for table in LARGE | {"collections", "blocks", "claims", "parts"}:
                connection.execute(text(f"TRUNCATE {table} RESTART IDENTITY"))
            # Indexes are built after the rows: several times faster, and the same indexes.
            built_later = connection.execute(
                text("""
                SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(:tables)
                    AND indexname NOT LIKE '%pkey' AND indexname <> 'parts_by_file'
                """),
                {"tables": sorted(LARGE)},
            ).all()
            for index_name, _ in built_later:
                connection.execute(text(f"DROP INDEX {index_name}"))
            for statement in FILL.strip().split(";\n"):
                connection.execute(text(statement.removesuffix(";").replace("::", "\\:\\:")))
            for _, definition in built_later:
                connection.execute(text(definition.replace(":", "\\:")))
            connection.execute(text("VACUUM ANALYZE"))
        yield catalog
    server.drop_database(url)


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement_of_a_tick_never_reads_a_large_table_from_end_to_end(full: Catalog, name: str) -> None:
    statement, parameters = STATEMENTS[name]
    with full._database.engine.connect() as connection, connection.begin() as transaction:
        numbering.open_staging(connection)
        plan = connection.execute(text("EXPLAIN (FORMAT JSON) " + statement.text.replace("::", "\\:\\:")), parameters)
        found = plan.scalar_one()
        transaction.rollback()
    root = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    scanned = [node["Relation Name"] for node in _nodes(root) if node["Node Type"] == "Seq Scan"]
    assert not LARGE.intersection(scanned), json.dumps(root, indent=1)


def test_a_key_of_a_collection_that_was_never_counted_is_looked_up_by_its_primary_key(full: Catalog) -> None:
    parameters = {"collection": "newcomer", "source": SOURCE, "older_than": None, "again": []}
    with full._database.engine.connect() as connection, connection.begin() as transaction:
        numbering.open_staging(connection)
        numbering.stage(connection, "newcomer", [present(f"k{number}") for number in range(5000)])
        plan = "\n".join(connection.execute(text(f"EXPLAIN {numbering._DROP_SAME.text}"), parameters).scalars())
        transaction.rollback()
    assert "observations_pkey" in plan, plan


def test_request_finds_the_few_due_blocks_among_many_settled_ones(full: Catalog) -> None:
    found = full.claims.request(COLLECTION, limit=100, launch_grace_s=60)
    assert len(found) == ARRIVALS // 5000
    assert not full.due.has_work(COLLECTION)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)
