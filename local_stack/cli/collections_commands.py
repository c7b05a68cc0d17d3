"""``rag collections``: what there is, and whether the files that declare it are right."""

from typing import TYPE_CHECKING

import typer

from local_stack.cli.options import Json

if TYPE_CHECKING:
    from resources.clients.collection_files import Problem

app = typer.Typer()
collections = typer.Typer(no_args_is_help=True, help="List collections, or check the files that declare them.")
app.add_typer(collections, name="collections")


@collections.command("list")
def list_(*, as_json: Json = False) -> None:
    """List collections: documents by state, how fresh each is, which index serves it."""
    from rich.table import Table

    from local_stack.cli import api_client
    from local_stack.cli.printing import print_json, print_table

    answer = api_client.get("/v1/collections")
    if as_json:
        print_json(answer)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in (
        "collection",
        "documents",
        "waiting",
        "oldest",
        "points",
        "model",
        "stopped sources",
        "failing sources",
    ):
        table.add_column(column, overflow="fold")
    for each in answer["collections"]:
        index = each["index"] or {"points": "", "model": ""}
        oldest = each["oldest_waiting_s"]
        documents = each["documents"] or {}
        table.add_row(
            each["name"],
            ", ".join(f"{number} {state}" for state, number in documents.items() if number)
            or ("none" if each["documents"] is not None else ""),
            _shown(each["waiting"]),
            "" if oldest is None else f"{oldest:.0f} s",
            _shown(index["points"]),
            index["model"],
            ", ".join(stop["source"] for stop in each["stopped_sources"]),
            ", ".join(failing["source"] for failing in each["failing_sources"]),
        )
    print_table(table)


@collections.command()
def check(*, as_json: Json = False) -> None:
    """Check every collection file; one line for each problem with file, line and field. Exit code 1 if there is any."""
    from local_stack.cli.printing import console, print_json
    from resources.clients.collection_files import check_collections, usable_collections
    from resources.clients.settings import load_settings

    folder = load_settings().collections
    problems = check_collections(folder)
    if as_json:
        print_json({"folder": str(folder), "problems": [_shape(each) for each in problems]})
    else:
        for each in problems:
            console().print(str(each))
        usable, _ = usable_collections(folder)
        number = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        console().print(f"{len(usable)} usable, {number} in {folder}.")
    raise typer.Exit(1 if problems else 0)


def _shown(figure: object) -> str:
    """Return a figure; a key with groups is told none."""
    return "" if figure is None else str(figure)


def _shape(problem: "Problem") -> dict[str, str | int]:
    return {"file": str(problem.file), "line": problem.line, "field": problem.field, "message": problem.message}
