"""``rag documents`` and ``rag retry``."""

from typing import Annotated, Any
from uuid import UUID

import typer

from local_stack.cli.options import CollectionOption, Json
from rag_core.arrivals import ArrivalState
from rag_core.errors import InvalidRequest

app = typer.Typer()

_PAGE = 500


@app.command()
def documents(
    document: Annotated[str | None, typer.Argument(help="A document's id (or URI): show it with its history.")] = None,
    *,
    collection: CollectionOption = None,
    state: Annotated[ArrivalState | None, typer.Option(help="Only documents in this state.")] = None,
    prefix: Annotated[str, typer.Option(help="Only documents whose URI begins with this.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List documents with their state and the reason, or show one."""
    from local_stack.cli import api_client
    from local_stack.cli.printing import console, print_documents, print_json

    if document is not None:
        found = api_client.get(f"/v1/documents/{document_id_of(document, collection)}")
        print_json(found) if as_json else _show(found)
        return
    listed, next_after = _listed(api_client.only_collection(collection), state, prefix, limit)
    if as_json:
        print_json({"documents": listed, "next_after": next_after})
        return
    if listed:
        print_documents(listed)
    else:
        console().print("No documents.")
    if next_after:
        console().print(f"There are more than {limit}; --limit shows more of them.")


@app.command()
def retry(
    document: Annotated[str | None, typer.Argument(help="A document's id (or URI).")] = None,
    *,
    collection: CollectionOption = None,
    state: Annotated[
        ArrivalState | None, typer.Option(help="Every document in this state: quarantined or retrying.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only failures of this kind, such as password-required.")] = None,
    prefix: Annotated[str, typer.Option(help="Only documents whose URI begins with this.")] = "",
    as_json: Json = False,
) -> None:
    """Try a document again, or every document of a collection in a state."""
    from local_stack.cli import api_client
    from local_stack.cli.printing import console, print_json

    if (document is None) == (state is None):
        raise InvalidRequest("Name a document, or say --state quarantined.", remedy="rag documents lists them.")
    if document is not None:
        answer = api_client.post(f"/v1/documents/{document_id_of(document, collection)}/retry")
    else:
        named = api_client.only_collection(collection)
        body = {"state": state, "kind": kind, "prefix": prefix}
        answer = api_client.post(f"/v1/collections/{named}/retry", body)
    if as_json:
        print_json(answer)
    else:
        console().print(f"{answer['retried']} made due again; rag documents shows what becomes of them.")


def document_id_of(named: str, collection: str | None) -> UUID:
    """Return the id of a document named by its id, or by its URI in a collection."""
    from rag_core.identity import document_id

    try:
        return UUID(named)
    except ValueError:
        if "://" not in named:
            raise InvalidRequest(
                f"{named!r} is neither a document's id nor a URI.", remedy="rag documents lists both."
            ) from None
    if collection is None:
        raise InvalidRequest("A URI names a document only within a collection.", remedy="Say --collection NAME.")
    return document_id(collection, named)


def _listed(
    collection: str, state: ArrivalState | None, prefix: str, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    from local_stack.cli import api_client

    found: list[dict[str, Any]] = []
    after = None
    while True:
        page = api_client.get(
            "/v1/documents",
            collection=collection,
            state=None if state is None else state.value,
            prefix=prefix,
            after=after,
            limit=min(_PAGE, limit - len(found)),
        )
        found += page["documents"]
        after = page["next_after"]
        if after is None or len(found) >= limit:
            return found, after


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from local_stack.cli.printing import console, plain, print_documents, print_table, visible

    out = console()
    print_documents([document])
    out.print(f"\n{visible(document['uri'])}")
    indexed = document["indexed"]
    if indexed:
        made = indexed["made_by"]
        out.print(f"version {indexed['version']}, parser {indexed['parser']}, code {indexed['code_version']}")
        out.print(f"indexed by arrival {made['arrival']}, run {made['run_url'] or made['run_id']}")
    out.print(f"points in the index: {'unknown' if document['points'] is None else document['points']}\n")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("arrival", "partition", "recorded", "state", "run", "reason"):
        table.add_column(column, overflow="fold")
    for each in document["arrivals"]:
        reason = each["reason"]
        table.add_row(
            str(each["number"]),
            each["partition"],
            each["recorded_at"],
            each["state"],
            each["run_url"] or each["run_id"],
            Text(" ".join(plain(f"{reason['kind']}: {reason['message']}").split())) if reason else "",
        )
    print_table(table)
