"""One reading statement of a person, run in a transaction that writes nothing; answered with so many rows at most.

It guards against slips. It is no bound of rights: whoever asks has the database's password, and functions that act
without writing (``pg_terminate_backend``) do what they do.
"""

import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.string import TextLoader

from rag_core.errors import InvalidRequest
from resources.clients.catalog.database import Database
from resources.clients.postgres_states import is_away, sqlstate

MOST_ROWS = 10_000
MOST_STATEMENT_BYTES = 1_000_000
_MOST_BYTES = 16_000_000
"""What is kept of an answer: rows hold whole messages and documents, and this may run beside a code server."""

_PAGE_ROWS = 20
_TIMEOUT_S = 60
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*([A-Za-z]*)", re.DOTALL)
_QUERIES = {"SELECT", "WITH", "VALUES", "TABLE"}
_ACCOUNTS = {"SHOW", "EXPLAIN"}
_WRITES_REFUSED = "25006"
_READS = "One statement that reads is taken: SELECT, WITH, VALUES, TABLE, SHOW or EXPLAIN."
_TABLES = "docs/catalog.md says which tables there are."
_REMEDIES = {_WRITES_REFUSED: _READS, "0A000": _READS, "42601": _READS, "42P01": _TABLES, "42703": _TABLES}
"""By PostgreSQL's codes: what writes, what no cursor takes, wrong syntax; no such table, no such column."""

_BOOLEAN = psycopg.postgres.types["bool"].oid
_AS_JSON = {
    psycopg.postgres.types[name].oid
    for name in ("int2", "int4", "int8", "oid", "float4", "float8", "numeric", "json", "jsonb")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows as PostgreSQL writes them; None is NULL."""

    columns: tuple[str, ...]
    types: tuple[int, ...]
    """The columns' types by their numbers in ``pg_type``."""

    rows: tuple[tuple[str | None, ...], ...]
    has_more: bool

    def is_number(self, column: int) -> bool:
        """Say whether a column holds numbers."""
        return self.types[column] in _AS_JSON - {psycopg.postgres.types[name].oid for name in ("json", "jsonb")}

    def objects(self) -> list[dict[str, Any]]:
        """Return each row as an object; of columns of one name the second is ``name_2``."""
        names: list[str] = []
        for column in self.columns:
            name, number = column, 1
            while name in names:
                number += 1
                name = f"{column}_{number}"
            names.append(name)
        return [
            {name: _value(text, kind) for name, text, kind in zip(names, row, self.types, strict=True)}
            for row in self.rows
        ]


def read_sql(url: str, statement: str, *, max_rows: int) -> Answer:
    """Run one statement that reads, for a minute at most.

    Raises ``InvalidRequest`` with PostgreSQL's own words where it refuses the statement, whatever would write among
    them, and ``DependencyUnavailable`` where it is away or takes too long.

    1. The transaction is read-only, and has read something: from then on no statement can make it write.
    2. A query is the query of a cursor, which is nothing but a SELECT: no COPY to a program, no second statement.
    3. SHOW and EXPLAIN, which have no cursor, are prepared: PostgreSQL prepares one statement, never two.
    """
    word = _first_word(statement)
    database = Database(url)
    try:
        with database.session() as session, _refusals_told():
            session.set_read_only(True)
            for info in session.adapters.types:
                for oid in (info.oid, info.array_oid):
                    session.adapters.register_loader(oid, TextLoader)
            with session.transaction(force_rollback=True):
                session.execute(f"SELECT set_config('statement_timeout', '{_TIMEOUT_S}s', true)".encode())
                if word in _ACCOUNTS:
                    with session.cursor() as cursor:
                        return _answer(cursor.execute(statement.encode(), prepare=True), max_rows)
                with session.cursor(name="reading") as cursor:
                    return _answer(cursor.execute(statement.encode()), max_rows)
    finally:
        database.close()


def _first_word(statement: str) -> str:
    """Return the word that says what a statement is; a wrong guess at it lets nothing through."""
    if len(statement.encode()) > MOST_STATEMENT_BYTES or "\0" in statement:
        raise InvalidRequest(f"The statement is longer than {MOST_STATEMENT_BYTES:,} bytes, or no text.", remedy=_READS)
    found = _FIRST_WORD.match(statement)
    word = found[1].upper() if found else ""
    if word in _QUERIES:
        return word
    # What has no cursor must say what it is at once: behind a comment within a comment could be anything.
    if word in _ACCOUNTS and statement.lstrip().upper().startswith(word):
        return word
    raise InvalidRequest(f"{word or 'An empty statement'} is not run here.", remedy=_READS)


def _answer(cursor: "psycopg.Cursor[Any] | psycopg.ServerCursor[Any]", max_rows: int) -> Answer:
    described = cursor.description or ()
    rows: list[tuple[str | None, ...]] = []
    held_bytes, has_more = 0, False
    while not has_more and (page := cursor.fetchmany(_PAGE_ROWS)):
        for row in page:
            held_bytes += sum(len(value) for value in row if value is not None)
            if has_more := len(rows) == max_rows or (held_bytes > _MOST_BYTES and bool(rows)):
                break
            rows.append(row)
    return Answer(
        columns=tuple(column.name for column in described),
        types=tuple(column.type_code for column in described),
        rows=tuple(rows),
        has_more=has_more,
    )


@contextmanager
def _refusals_told() -> Generator[None]:
    """Raise what PostgreSQL says of a statement in its own words; that it is away its session tells."""
    try:
        yield
    except psycopg.Error as error:
        if is_away(error) and sqlstate(error) != _WRITES_REFUSED:
            raise
        said = error.diag.message_primary or str(error)
        remedy = error.diag.message_hint or _REMEDIES.get(sqlstate(error) or "", "")
        raise InvalidRequest(f"PostgreSQL: {said}.", remedy=remedy) from error


def _value(text: str | None, kind: int) -> Any:
    if text is None:
        return None
    if kind == _BOOLEAN:
        return text == "t"
    # PostgreSQL's numbers are JSON's but for those that are none there, which stay words.
    return json.loads(text, parse_constant=str) if kind in _AS_JSON else text
