"""``rag eval``."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from evaluation.choosing import Criterion, chosen_in
from rag_core.fusion import Mode

app = typer.Typer()


@app.command("eval")
def evaluate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="corpus.jsonl, queries.jsonl and qrels/*.tsv (or qrels.tsv), as BEIR.")
    ],
    *,
    mode: Annotated[list[Mode] | None, typer.Option(help="Only this mode; may be repeated. Default all.")] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Ask the questions of answers.jsonl, too.")] = False,
    questions: Annotated[int | None, typer.Option(min=1, help="So many questions of each kind at most.")] = None,
    queries: Annotated[int | None, typer.Option(min=1, help="So many judged queries at most.")] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Answer from this confidence on; default the stack's own.")
    ] = None,
    threshold_from: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The threshold that was best in what --json wrote of other questions."),
    ] = None,
    criterion: Annotated[
        Criterion,
        typer.Option(help="Best by what: keeps 95 % of the answerable, or tells both kinds of question apart."),
    ] = Criterion.KEEP_95,
    split: Annotated[str | None, typer.Option(help="Which qrels/NAME.tsv; default test.")] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Name of its collection; default the folder's.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ingest anew what an earlier evaluation left.")] = False,
    timeout: Annotated[float, typer.Option(min=1, max=864_000, help="Seconds to wait for ingestion at most.")] = 7200,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON.")] = None,
) -> None:
    """Measure retrieval (and answers) on a test collection, through a stack of its own under RAG_HOME/eval."""
    from evaluation.evaluating import MODES, Request
    from evaluation.evaluating import evaluate as run
    from local_stack.cli.bars import step_bars
    from local_stack.cli.eval_tables import show
    from rag_core.errors import InvalidRequest
    from resources.clients.home import rag_home

    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise InvalidRequest(f"There is no folder {json_file.absolute().parent}.", remedy="Make it, or name another.")
    if not answers and (threshold is not None or threshold_from is not None):
        raise InvalidRequest("A threshold is for answers.", remedy="Say --answers, too.")
    if threshold is not None and threshold_from is not None:
        raise InvalidRequest("There can be one threshold.", remedy="Say --threshold or --threshold-from.")
    chosen, chosen_on = (threshold, None) if threshold_from is None else chosen_in(threshold_from, criterion)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack ends with the command
    request = Request(
        folder=folder.absolute(),
        state=rag_home() / "eval",
        collection=collection,
        split=split,
        modes=[each for each in MODES if not mode or Mode(each) in mode],
        queries=queries,
        with_answers=answers,
        questions=questions,
        threshold=chosen,
        threshold_from=chosen_on,
        fresh=fresh,
        ingest_limit_s=timeout,
    )
    with step_bars(show=True) as progress:
        report = run(request, progress=progress)
    if json_file is not None:
        json_file.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    show(report)
