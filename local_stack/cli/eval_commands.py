"""``rag eval``."""

import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag_core.fusion import Mode

if TYPE_CHECKING:
    from evaluation.evaluating import Report
    from evaluation.scoring import Estimate

app = typer.Typer()

_WIDTH = 130
"""Wide enough for every figure with its interval, also where the output is no terminal."""


@app.command("eval")
def evaluate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="corpus.jsonl, queries.jsonl and qrels/*.tsv (or qrels.tsv), as BEIR.")
    ],
    *,
    mode: Annotated[list[Mode] | None, typer.Option(help="Only this mode; may be repeated. Default all.")] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Ask the questions of answers.jsonl, too.")] = False,
    questions: Annotated[int | None, typer.Option(min=1, help="So many questions of each kind at most.")] = None,
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
    from rag_core.errors import InvalidRequest
    from resources.clients.home import rag_home

    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise InvalidRequest(f"There is no folder {json_file.absolute().parent}.", remedy="Make it, or name another.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the stack ends with the command
    request = Request(
        folder=folder.absolute(),
        state=rag_home() / "eval",
        collection=collection,
        split=split,
        modes=[each for each in MODES if not mode or Mode(each) in mode],
        with_answers=answers,
        questions=questions,
        fresh=fresh,
        ingest_limit_s=timeout,
    )
    with step_bars(show=True) as progress:
        report = run(request, progress=progress)
    if json_file is not None:
        json_file.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    _show(report)


def _show(report: "Report") -> None:
    """Print the figures with their 95 % intervals, and nDCG@10 against the run before."""
    from rich.table import Table

    from evaluation.scoring import MEASURES
    from local_stack.cli.printing import console, plain

    out = console()
    out.width = max(out.width, _WIDTH)
    arrived = f"{report.recorded} arrivals recorded" if report.recorded else "nothing was new"
    out.print(
        f"{report.collection}: {report.documents} documents, {report.chunks} chunks ({arrived}, searchable after "
        f"{report.ingest_s:.0f} s), {report.queries} queries, {report.seconds:.0f} s"
    )
    if report.rejected:
        out.print(f"{len(report.rejected)} documents cannot be found, they were rejected; {plain(report.rejected[0])}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("mode")
    for measure in MEASURES:
        table.add_column(measure, justify="right", no_wrap=True)
    if report.before:
        table.add_column(f"change of {MEASURES[0]}", justify="right", no_wrap=True)
    for mode, measures in report.modes.items():
        change = report.change[mode]
        said = [] if not report.before else ["not comparable" if change is None else _spelled(change, sign="+")]
        table.add_row(mode, *(_spelled(measures[each]) for each in MEASURES), *said)
    out.print(table)
    if report.before:
        out.print(f"Changes are against the run of {report.before}, query by query.")
    if report.answers is not None:
        _show_answers(report.answers.shares, report.answers.auc, report.answers.answerable, report.answers.unanswerable)


def _show_answers(shares: Mapping[str, "Estimate"], auc: float | None, answerable: int, unanswerable: int) -> None:
    from rich.table import Table

    from local_stack.cli.printing import console

    table = Table(box=None, pad_edge=False, show_header=False)
    said = {
        "answered": f"answered, of {answerable} answerable questions",
        "holds_answer": "the quotes hold an expected answer, word for word",
        "answer_words": "words of the best expected answer that are quoted",
        "cites_document": "the expected document is cited",
        "abstained": f"no answer, of {unanswerable} unanswerable questions",
    }
    for name, share in shares.items():
        table.add_row(said[name], _spelled(share))
    if auc is not None:
        table.add_row("confidence tells both kinds apart (AUC)", f"{auc:.3f}")
    console().print(table)


def _spelled(value: "Estimate", *, sign: str = "") -> str:
    return f"{value.mean:{sign}.4f} [{value.low:{sign}.3f} {value.high:{sign}.3f}]"
