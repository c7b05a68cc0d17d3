"""``rag sql``."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from local_stack.cli.options import Json

if TYPE_CHECKING:
    from resources.clients.reading_sql import Answer
    from resources.clients.settings import Settings

app = typer.Typer()

_MOST_CELL_CHARACTERS = 2_000
"""Of a value in a table: messages are values, too."""


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One statement that reads; - reads it from standard input.")] = "-",
    *,
    dagster: Annotated[bool, typer.Option("--dagster", help="Ask Dagster's tables instead of the catalog's.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows are shown at most.")] = 200,
    as_json: Json = False,
) -> None:
    """Ask the catalog's database one SELECT, for a minute at most; nothing can be written."""
    from local_stack.cli.printing import print_json
    from resources.clients.reading_sql import read_sql
    from resources.clients.settings import load_settings

    settings = load_settings()
    url = _dagster_url(settings) if dagster else settings.require("database_url")
    answer = read_sql(url, _from_standard_input() if statement == "-" else statement, max_rows=limit)
    if as_json:
        print_json({"rows": answer.objects(), "left_out": answer.has_more})
        return
    _show(answer)
    if answer.has_more:
        sys.stderr.write(
            f"{len(answer.rows):,} rows are shown; more were left out. --limit is how many there may be.\n"
        )


def _dagster_url(settings: "Settings") -> str:
    """Return where Dagster keeps its tables: as its processes are told, or where 'rag up' puts them."""
    from local_stack.dagster_home import DATABASE_VARIABLE, dagster_environment

    told = os.environ.get(DATABASE_VARIABLE) if "DAGSTER_HOME" in os.environ else None
    if not told:
        if settings.dagster_database_url is None:
            settings.require("database_url")
        told = dagster_environment(settings)[DATABASE_VARIABLE]
    return told.replace("postgresql+psycopg2://", "postgresql://", 1)


def _from_standard_input() -> str:
    from rag_core.errors import InvalidRequest
    from resources.clients.reading_sql import MOST_STATEMENT_BYTES

    if sys.stdin.isatty():
        sys.stderr.write("The statement, then Ctrl-D:\n")
    try:
        return sys.stdin.read(MOST_STATEMENT_BYTES + 1)
    except UnicodeDecodeError as error:
        raise InvalidRequest("Standard input is no UTF-8 text.") from error


def _show(answer: "Answer") -> None:
    from rich.table import Table
    from rich.text import Text

    from local_stack.cli.printing import console, print_table

    if not answer.rows:
        console().print("No rows.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(answer.columns):
        table.add_column(Text(_cell(column)), overflow="fold", justify="right" if answer.is_number(number) else "left")
    for row in answer.rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    print_table(table)


def _cell(value: str | None) -> str:
    from local_stack.cli.printing import visible

    shown = visible("" if value is None else value[: _MOST_CELL_CHARACTERS + 1])
    return shown if len(shown) <= _MOST_CELL_CHARACTERS else f"{shown[:_MOST_CELL_CHARACTERS]}…"
