"""``rag search``."""

import json
from typing import Annotated, Any

import typer

from local_stack.cli.options import CollectionOption, FilterOption, Groups, Json
from rag_core.errors import InvalidRequest
from rag_core.fusion import Fusion, Mode

app = typer.Typer()


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    *,
    collection: CollectionOption = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=50, help="How many passages.")] = 5,
    mode: Annotated[Mode, typer.Option(help="By meaning (dense), by words (sparse), or both.")] = Mode.HYBRID,
    fusion: Annotated[Fusion, typer.Option(help="How hybrid puts both together.")] = Fusion.BOUNDED_SUM,
    filters: FilterOption = "",
    group: Groups = None,
    as_json: Json = False,
) -> None:
    """Find passages. Exit code 0 with results, 3 without any, 2 for a wrong request, 1 for a failure."""
    from local_stack.cli import api_client
    from local_stack.cli.printing import console, print_citations, print_json

    body = {"collection": api_client.only_collection(collection), "query": query, "top_k": top_k}
    body |= {"mode": mode.value, "fusion": fusion.value, "filters": read_filters(filters), "groups": group or None}
    answer = api_client.post("/v1/search", body)
    if as_json:
        print_json(answer)
    elif answer["results"]:
        print_citations(answer["results"], with_text=True)
    else:
        console().print("Nothing was found.")
    raise typer.Exit(0 if answer["results"] else 3)


def read_filters(written: str) -> dict[str, Any]:
    """Return the conditions written as JSON; raises ``InvalidRequest``."""
    if not written:
        return {}
    try:
        filters = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"--filter is not JSON: {error}.", remedy='Such as --filter \'{"team": "x"}\'.') from None
    if not isinstance(filters, dict):
        raise InvalidRequest("--filter is not a JSON object.", remedy='Such as --filter \'{"team": "x"}\'.')
    return filters
