"""What depends on the PostgreSQL that is there: its extensions, the size of vectors, roles and passwords."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from rag_core.errors import ConfigurationError
from rag_core.index_spec import IndexSpec
from rag_core.vector_index import IndexWrite
from resources.clients.timescale.library import PointStatements
from resources.clients.timescale.rules import Rules
from resources.clients.timescale.store import TimescaleStore
from tests.services.postgres import PostgresServer
from tests.vector_index.test_writing import ONE, SPEC, point


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    made = postgres.create_database()
    yield made
    postgres.drop_database(made)


def statements(method: str) -> PointStatements:
    return PointStatements(schema="s", table="points_1", dimension=3, method=method)


@pytest.mark.parametrize(("method", "made"), [("hnsw", "USING hnsw"), ("diskann", "USING diskann"), ("scan", "")])
def test_the_library_builds_the_index_that_the_server_can_make_and_no_extension(method: str, made: str) -> None:
    create = statements(method).create()
    assert made in create
    assert create.count("CREATE INDEX") == (1 if method == "scan" else 2)
    assert "EXTENSION" not in create
    assert ("hnsw.iterative_scan" in str(statements(method).settings(10))) == (method == "hnsw")


def test_values_of_rules_are_never_part_of_the_statement() -> None:
    strange = "x'; DROP TABLE points_1; --"
    statement, parameters = statements("hnsw").search("[1,0,0]", 5, Rules(groups=[strange]))
    assert strange not in statement
    assert "DROP TABLE" in str(parameters)


def test_vectors_too_long_for_hnsw_are_compared_one_by_one(url: str) -> None:
    long = replace(SPEC, dimension=2500)
    with closing(TimescaleStore(url)) as store:
        writer = store.writer()
        physical = writer.ensure("long", long, [])
        vectors = [[1.0] * 2500, [1.0, -1.0] * 1250]
        writer.apply(
            physical,
            IndexWrite(upserts=[replace(point(ONE, number), dense=one) for number, one in enumerate(vectors)]),
        )
        searcher = store.searcher()
        found = searcher.candidates(searcher.served("long"), dense=vectors[0], sparse=None, groups=[])
        assert sorted(found.dense.values()) == pytest.approx([0.0, 1.0], abs=1e-6)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT method FROM rag_vectors.indexes").fetchall() == [("scan",)]


def test_a_vector_without_length_is_near_to_nothing_and_still_there(url: str) -> None:
    with closing(TimescaleStore(url)) as store:
        physical = store.writer().ensure("zero", SPEC, [])
        write = IndexWrite(upserts=[replace(point(ONE, 0), dense=[0.0, 0.0]), point(ONE, 1)])
        store.writer().apply(physical, write)
        searcher = store.searcher()
        index = searcher.served("zero")
        found = searcher.candidates(index, dense=[1.0, 0.0], sparse=None, groups=None)
        assert sorted(found.dense.values()) == pytest.approx([0.0, 1.0])
        assert set(searcher.candidates(index, dense=[0.0, 0.0], sparse=None, groups=None).dense.values()) == {0.0}


def test_who_may_see_a_few_of_many_gets_all_of_them(url: str) -> None:
    few = [point(UUID(int=2), number, allowed_groups=["few"]) for number in range(5)]
    far = [replace(each, dense=[-1.0, 0.001]) for each in few]
    near = [replace(point(ONE, number), dense=[1.0, number / 3000]) for number in range(3000)]
    with closing(TimescaleStore(url)) as store:
        physical = store.writer().ensure("many", SPEC, [])
        store.writer().apply(physical, IndexWrite(upserts=[*near, *far]))
        store.writer().apply(physical, IndexWrite(documents={ONE: {"allowed_groups": ["many"]}}))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ANALYZE")
        searcher = store.searcher()
        found = searcher.candidates(searcher.served("many"), dense=[1.0, 0.0], sparse=None, groups=["few"], limit=10)
        assert set(found.dense) == {str(each.point_id) for each in few}


def test_a_wrong_password_or_a_role_without_rights_is_a_wrong_setting(url: str) -> None:
    wrong = url.replace("only-for-tests", "secret-guess")
    with closing(TimescaleStore(wrong)) as store:
        with pytest.raises(ConfigurationError, match="RAG_TIMESCALE_URL") as caught:
            store.searcher().collections()
        assert "secret-guess" not in str(caught.value)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS visitor")
        connection.execute("CREATE ROLE visitor LOGIN PASSWORD 'only-for-tests'")
    with closing(TimescaleStore(url.replace("//rag:", "//visitor:"))) as store:
        spec = IndexSpec(model="m", model_identity="m@1", dimension=2, analyzer="a/1")
        with pytest.raises(ConfigurationError, match="does not let us make the index of notes"):
            store.writer().ensure("notes", spec, [])
        assert store.searcher().collections() == []
