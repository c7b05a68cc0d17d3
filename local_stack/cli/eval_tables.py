"""How ``rag eval`` prints what was found: each figure with its 95 % interval, a column a mode."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluation.answering import AnswersReport
    from evaluation.evaluating import Report
    from evaluation.scoring import Estimate

_WIDTH = 100
"""Wide enough for every figure with its interval, also where the output is no terminal."""

_SAID = {
    "answered": "answered, of {answerable} answerable questions",
    "holds_answer": "the quotes hold an expected answer, word for word",
    "holds_when_answered": "the same, of those that were answered",
    "answer_words": "words of the best expected answer that are quoted",
    "cites_document": "the expected document is cited",
    "abstained": "no answer, of {unanswerable} unanswerable questions (recall)",
    "abstention_precision": "unanswerable, of all questions without an answer (precision)",
    "abstention_f1": "F1 of both",
    "auc": "confidence tells both kinds apart (AUC)",
}


def show(report: "Report") -> None:
    """Print the figures, nDCG@10 against the run before, and the answers where they were asked for."""
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
    table.add_column("")
    for mode in report.modes:
        table.add_column(mode, justify="right", no_wrap=True)
    for measure in MEASURES:
        table.add_row(measure, *(_spelled(measures[measure]) for measures in report.modes.values()))
    if report.before:
        changes = (report.change[mode] for mode in report.modes)
        said = ("not comparable" if change is None else _spelled(change, sign="+") for change in changes)
        table.add_row(f"change of {MEASURES[0]}", *said)
    out.print(table)
    if report.before:
        out.print(f"Changes are against the run of {report.before}, query by query.")
    if report.answers is not None:
        _show_answers(report.answers)


def _show_answers(answers: "AnswersReport") -> None:
    from rich.table import Table

    from local_stack.cli.printing import console, plain

    out = console()
    out.width = max(out.width, _WIDTH)
    chosen = f", chosen on {plain(answers.threshold_from)}" if answers.threshold_from else ""
    out.print(f"\nAnswers at a threshold of {answers.threshold:g}{chosen}:")
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, said in _SAID.items():
        if name in answers.shares:
            spelled = said.format(answerable=answers.answerable, unanswerable=answers.unanswerable)
            table.add_row(spelled, _spelled(answers.shares[name]))
    for criterion, found in answers.best.items():
        table.add_row(
            f"the best threshold here by {criterion.value}: {found.threshold:.2f}",
            f"{found.answered:.4f} answered, {found.abstained:.4f} of the unanswerable not",
        )
    out.print(table)


def _spelled(value: "Estimate", *, sign: str = "") -> str:
    return f"{value.mean:{sign}.4f} [{value.low:{sign}.3f} {value.high:{sign}.3f}]"
