"""``rag ask``."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from local_stack.cli.options import CollectionOption, FilterOption, Groups, Json

app = typer.Typer()

NOT_ANSWERED = 3
Generation = Literal["auto", "extractive", "model"]


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    *,
    collection: CollectionOption = None,
    filters: FilterOption = "",
    group: Groups = None,
    generation: Annotated[
        Generation, typer.Option(help="By the chat model or, without one, by quotation (auto); or only by one of them.")
    ] = "auto",
    stream: Annotated[bool, typer.Option("--stream", help="Print the answer while it is written.")] = False,
    as_json: Json = False,
) -> None:
    """Answer with cited sentences. Exit code 0 answered, 3 not answered, 2 wrong request, 1 failure."""
    from local_stack.cli import api_client
    from local_stack.cli.printing import print_citations, print_json
    from local_stack.cli.search_commands import read_filters
    from rag_core.errors import InvalidRequest

    if stream and as_json:
        raise InvalidRequest("--stream and --json exclude each other.", remedy="--json prints the whole answer.")
    body = {"collection": api_client.only_collection(collection), "question": question, "generation": generation}
    body |= {"filters": read_filters(filters), "groups": group or None}
    answer = _streamed(body) if stream else api_client.post("/v1/ask", body)
    if as_json:
        print_json(answer)
    else:
        if not stream:
            _print_answer(answer)
        _print_reason_and_generator(answer)
        print_citations(answer["citations"], with_text=False)
    raise typer.Exit(0 if answer["answered"] else NOT_ANSWERED)


def _print_answer(answer: Mapping[str, Any]) -> None:
    from rich.text import Text

    from local_stack.cli.printing import console, plain

    if answer["quotes"]:
        for quote in answer["quotes"]:
            console().print(Text(f"{' '.join(plain(quote['text']).split())} [{quote['citation']}]"))
    elif answer["answered"]:
        console().print(Text(plain(answer["answer"])))


def _streamed(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Print an answer as it is written, and return it."""
    from rich.text import Text

    from local_stack.cli import api_client
    from local_stack.cli.printing import console, plain

    out = console()
    answer: Mapping[str, Any] = {}
    fell_back = False
    for name, data in api_client.events("/v1/ask", {**body, "stream": True}):
        if name == "token":
            out.print(Text(plain(data["text"])), end="")
        elif name == "fallback":
            fell_back = True
            out.print()
        elif name == "problem":
            out.print()
            raise api_client.problem_error(data)
        elif name == "answer":
            answer = data
    if not answer:
        raise api_client.cut_off()
    if fell_back:
        _print_answer(answer)
    elif answer["answered"]:
        out.print()
    return answer


def _print_reason_and_generator(answer: Mapping[str, Any]) -> None:
    from rich.text import Text

    from local_stack.cli.printing import console, plain

    out = console()
    if not answer["answered"]:
        out.print(Text(f"Not answered ({answer['reason']}). {answer['reason_text']}", style="yellow"))
    made = answer["generation"]
    who = "quotation" if made["mode"] == "extractive" else f"{plain(made['model'])}, prompt {made['template']}"
    why = f": {plain(made['because'])}" if made["fell_back"] else ""
    out.print(Text(f"Answered by {who}{why}" if answer["answered"] else f"Asked: {who}{why}", style="dim"))
    if answer["citations"]:
        out.print()
