"""``rag ask``."""

from typing import Annotated

import typer

from local_stack.cli.options import CollectionOption, FilterOption, Groups, Json

app = typer.Typer()

NOT_ANSWERED = 3


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    *,
    collection: CollectionOption = None,
    filters: FilterOption = "",
    group: Groups = None,
    as_json: Json = False,
) -> None:
    """Answer with quoted, cited sentences. Exit code 0 answered, 3 not answered, 2 wrong request, 1 failure."""
    from rich.text import Text

    from local_stack.cli import api_client
    from local_stack.cli.printing import console, plain, print_citations, print_json
    from local_stack.cli.search_commands import read_filters

    body = {"collection": api_client.only_collection(collection), "question": question}
    answer = api_client.post("/v1/ask", body | {"filters": read_filters(filters), "groups": group or None})
    if as_json:
        print_json(answer)
    else:
        out = console()
        if answer["answered"]:
            for quote in answer["quotes"]:
                out.print(Text(f"{' '.join(plain(quote['text']).split())} [{quote['citation']}]"))
        else:
            out.print(Text(f"Not answered ({answer['reason']}). {answer['reason_text']}", style="yellow"))
        if answer["citations"]:
            out.print()
        print_citations(answer["citations"], with_text=False)
    raise typer.Exit(0 if answer["answered"] else NOT_ANSWERED)
