"""``rag eval``: a test collection through the real sensors and assets, and through the real API back out.

1. The corpus is staged as files, one a record, in a folder of the evaluation's own stack.
2. That stack's sensors find what is new, its runs ingest it; nothing is due where the corpus is what it was.
3. Each query is asked in each mode; a document's score is that of its best chunk.
4. ir-measures compares the rankings with the judgements; the last run over the same judgements is shown beside it.
"""

import fcntl
import re
import shutil
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from evaluation import history
from evaluation.answering import AnswersReport, ask_all, evenly, spread
from evaluation.api import Api
from evaluation.datasets import AnsweredQuestion, Judgements, read_corpus, read_judgements, read_questions
from evaluation.own_stack import OwnStack
from evaluation.retrieving import retrieve
from evaluation.scoring import MEASURES, Estimate, Values, difference, estimate, measure
from evaluation.settling import wait_until_settled
from evaluation.staging import Staged, stage
from rag_core.errors import InvalidRequest
from rag_core.fusion import Mode

MODES = (Mode.DENSE.value, Mode.SPARSE.value, Mode.HYBRID.value)
Progress = Callable[[str, int, int], None]
_SETTLED = "last-arrival"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to evaluate: the test collection's folder, the state's folder, and how.

    ``queries`` and ``questions`` (of each kind) bound how many are asked; ``threshold`` is the answers' in place of the
    environment's or the default, ``threshold_from`` says where it was chosen.
    """

    folder: Path
    state: Path
    collection: str | None = None
    split: str | None = None
    modes: Sequence[str] = MODES
    queries: int | None = None
    with_answers: bool = False
    questions: int | None = None
    threshold: float | None = None
    threshold_from: str | None = None
    fresh: bool = False
    ingest_limit_s: float = 7200


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found; ``recorded`` is how many arrivals this evaluation made, 0 for a corpus that did not change.

    ``documents`` are those that answer, ``rejected`` the others with their reasons.
    """

    collection: str
    documents: int
    chunks: int
    rejected: tuple[str, ...]
    recorded: int
    queries: int
    modes: Mapping[str, Mapping[str, Estimate]]
    change: Mapping[str, Estimate | None]
    before: str | None
    answers: AnswersReport | None
    ingest_s: float
    seconds: float
    values: Mapping[str, Values] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the report as ``--json`` writes it; ``answers`` is there only where they were asked for."""
        modes = {
            mode: {name: round(value.mean, 5) for name, value in measures.items()}
            for mode, measures in self.modes.items()
        }
        shown: dict[str, Any] = {"collection": self.collection, "documents": self.documents, "queries": self.queries}
        intervals = {
            mode: {name: value.interval() for name, value in measures.items()} for mode, measures in self.modes.items()
        }
        shown |= {"modes": modes, "intervals": intervals} | (
            {} if self.answers is None else {"answers": self.answers.to_json()}
        )
        return shown | {"seconds": round(self.seconds, 3)}


def evaluate(request: Request, *, progress: Progress = lambda _, __, ___: None) -> Report:
    """Evaluate a test collection; the stack is ended afterwards, its data stays for the next time."""
    began = time.monotonic()
    name = request.collection or collection_name(request.folder)
    judgements = _bounded(read_judgements(request.folder, split=request.split), request.queries)
    questions = spread(read_questions(request.folder), request.questions) if request.with_answers else []
    with _alone(request.state / name):
        stack = _stack(request, request.state / name)
        corpus = _stage(request.folder, stack.declare(name), progress)
        progress("starting the stack", 0, 1)
        with stack, Api(stack.setting("api_url")) as api:
            progress("starting the stack", 1, 1)
            ingested = time.monotonic()
            settled = wait_until_settled(
                api,
                name,
                corpus.folder,
                corpus.staged.ids,
                limit_s=request.ingest_limit_s,
                seen=lambda number: progress("ingesting", number, len(corpus.staged.ids)),
            )
            ingest_s = time.monotonic() - ingested
            values = {mode: _asked(api, name, mode, judgements, corpus, progress) for mode in request.modes}
            answers = _answered(api, name, questions, corpus, request, progress) if questions else None
    past = request.state / name / "history.jsonl"
    recorded = settled.newest_arrival - _last_arrival(stack.folder, settled.newest_arrival)
    earlier = history.latest(past, judgements=judgements.digest)
    report = Report(
        collection=name,
        documents=settled.documents,
        chunks=settled.chunks,
        rejected=settled.rejected,
        recorded=recorded,
        queries=len(judgements.queries),
        modes={
            mode: {each: estimate(list(found[each].values())) for each in MEASURES} for mode, found in values.items()
        },
        change={mode: _change(found, mode, earlier) for mode, found in values.items()},
        before=None if earlier is None else str(earlier["at"]),
        answers=answers,
        ingest_s=ingest_s,
        seconds=time.monotonic() - began,
        values=values,
    )
    history.append(past, _entry(report, judgements))
    return report


def collection_name(folder: Path) -> str:
    """Return the name of a folder's collection; raises ``InvalidRequest`` where its name has no letters."""
    name = re.sub(r"[^a-z0-9_]+", "_", folder.resolve().name.lower()).lstrip("0123456789_")[:48]
    if len(name) < 2:
        raise InvalidRequest(f"{folder.name!r} gives no name for a collection.", remedy="Say --collection NAME.")
    return name


def _bounded(judgements: Judgements, queries: int | None) -> Judgements:
    if queries is None:
        return judgements
    taken = evenly(list(judgements.queries), queries)
    return Judgements(
        queries={each: judgements.queries[each] for each in taken},
        grades={each: judgements.grades[each] for each in taken},
    )


def _stack(request: Request, folder: Path) -> OwnStack:
    chosen = {} if request.threshold is None else {"RAG_ANSWER_THRESHOLD": str(request.threshold)}
    stack = OwnStack(folder, environment=chosen)
    if not request.fresh:
        return stack
    stack.down()
    for each in (stack.home, stack.sources):
        shutil.rmtree(each, ignore_errors=True)
    (folder / _SETTLED).unlink(missing_ok=True)
    return OwnStack(folder, environment=chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Corpus:
    """The folder that is the source, and what lies in it."""

    folder: Path
    staged: Staged

    def id_of(self, uri: str) -> str | None:
        """Return the id of the record at a URI, None for what is not of the corpus."""
        path = Path(unquote(urlsplit(uri).path))
        inside = path.is_relative_to(self.folder)
        return self.staged.ids.get(path.relative_to(self.folder).as_posix()) if inside else None


def _stage(folder: Path, source: Path, progress: Progress) -> _Corpus:
    total = sum(1 for _ in read_corpus(folder))
    staged = stage(read_corpus(folder), source, seen=lambda number: progress("staging", number, total))
    return _Corpus(folder=source, staged=staged)


def _asked(api: Api, name: str, mode: str, judgements: Judgements, corpus: _Corpus, progress: Progress) -> Values:
    total = len(judgements.queries)
    run = retrieve(
        api,
        name,
        judgements.queries,
        mode=mode,
        id_of=corpus.id_of,
        seen=lambda number: progress(f"asking {mode}", number, total),
    )
    return measure(run, judgements.grades)


def _answered(
    api: Api, name: str, questions: Sequence[AnsweredQuestion], corpus: _Corpus, request: Request, progress: Progress
) -> AnswersReport:
    total = len(questions)
    return ask_all(
        api,
        name,
        questions,
        id_of=corpus.id_of,
        threshold_from=request.threshold_from,
        seen=lambda number: progress("answering", number, total),
    )


def _entry(report: Report, judgements: Judgements) -> dict[str, Any]:
    """Return what the history keeps: the report, and nDCG@10 of each query to compare the next run with."""
    per_query = {
        mode: {query: round(value, 4) for query, value in values[MEASURES[0]].items()}
        for mode, values in report.values.items()
    }
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "judgements": judgements.digest,
        "chunks": report.chunks,
        "recorded": report.recorded,
        "ingest_s": round(report.ingest_s, 3),
        "per_query": per_query,
        **report.to_json(),
    }


def _change(values: Values, mode: str, earlier: Mapping[str, Any] | None) -> Estimate | None:
    """Return the change of nDCG@10 against the run before, in what the history keeps of each query."""
    if earlier is None:
        return None
    rounded = {query: round(value, 4) for query, value in values[MEASURES[0]].items()}
    return difference(rounded, earlier.get("per_query", {}).get(mode, {}))


def _last_arrival(folder: Path, newest: int) -> int:
    """Return the last arrival that the evaluation before saw, -1 for the first one, and remember ``newest``."""
    path = folder / _SETTLED
    before = int(path.read_text(encoding="utf-8")) if path.exists() else -1
    path.write_text(f"{newest}\n", encoding="utf-8")
    return before


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Hold the evaluation's folder: two at once would end each other's stack."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidRequest(
                f"Another evaluation of {folder.name} is going on.", remedy="Wait for it, or say --collection NAME."
            ) from None
        yield
