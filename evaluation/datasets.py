"""Test collections in BEIR's form: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/*.tsv`` (or ``qrels.tsv``).

Beside them may lie ``answers.jsonl``: questions with their answers, and questions that the corpus does not answer.
The form is that of Thakur et al., *BEIR: A Heterogeneous Benchmark for Zero-shot Evaluation of Information Retrieval
Models*, NeurIPS 2021.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from rag_core.errors import InvalidRequest

MAX_LINE_BYTES = 64 * 1024 * 1024
MAX_LINES = 5_000_000
_DEFAULT_SPLIT = "test"
_FORM = "A test collection has BEIR's form: corpus.jsonl, queries.jsonl, qrels/test.tsv."


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A document of the corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredQuestion:
    """A question, the answers that count as right (none where it cannot be answered) and the passage that has them."""

    id: str
    text: str
    answers: tuple[str, ...]
    is_answerable: bool
    document: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """Queries that somebody judged, and the grade of each judged document by query."""

    queries: Mapping[str, str]
    grades: Mapping[str, Mapping[str, int]]

    @property
    def digest(self) -> str:
        """16 hex digits that name these queries and grades: results of other ones cannot be compared."""
        spelled = json.dumps([dict(self.queries), {q: dict(g) for q, g in self.grades.items()}], sort_keys=True)
        return sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_corpus(folder: Path) -> Iterator[Record]:
    """Yield the corpus's documents; raises ``InvalidRequest`` that names file and line, also for an id used twice."""
    seen: set[str] = set()
    for line, row in _rows(folder / "corpus.jsonl"):
        identity = _text(row, "_id", folder / "corpus.jsonl", line)
        if not identity or identity in seen:
            said = "is used twice" if identity else "is empty"
            raise _wrong(folder / "corpus.jsonl", line, f"the _id {identity[:80]!r} {said}")
        seen.add(identity)
        title = row.get("title")
        text = _text(row, "text", folder / "corpus.jsonl", line)
        yield Record(id=identity, title=title.strip() if isinstance(title, str) else "", text=text)
    if not seen:
        raise InvalidRequest(f"{folder / 'corpus.jsonl'} holds no document.")


def read_judgements(folder: Path, *, split: str | None = None) -> Judgements:
    """Return the judged queries of a split; without one, ``test``, or the only one there is."""
    if not (folder / "corpus.jsonl").is_file():
        raise InvalidRequest(f"{folder} is no test collection: it holds no corpus.jsonl.", remedy=_FORM)
    grades: dict[str, dict[str, int]] = {}
    path = _qrels(folder, split)
    for line, text in _lines(path):
        fields = text.rstrip("\r\n").split("\t")
        if line == 1 and fields[-1:] == ["score"]:
            continue
        if len(fields) != 3 or not fields[2].strip().lstrip("-").isdigit():
            raise _wrong(path, line, "a judgement is query-id, corpus-id and a whole number, apart by tabs")
        grades.setdefault(fields[0], {})[fields[1]] = int(fields[2])
    queries = {
        identity: _text(row, "text", folder / "queries.jsonl", line)
        for line, row in _rows(folder / "queries.jsonl")
        if (identity := _text(row, "_id", folder / "queries.jsonl", line)) in grades
    }
    if missing := grades.keys() - queries.keys():
        raise InvalidRequest(
            f"{path} judges {len(missing)} queries that are not in queries.jsonl, {min(missing)!r} among them."
        )
    if not queries:
        raise InvalidRequest(f"{path} judges no query.")
    return Judgements(queries=queries, grades=grades)


def read_questions(folder: Path) -> list[AnsweredQuestion]:
    """Return the questions of ``answers.jsonl``."""
    path = folder / "answers.jsonl"
    found: list[AnsweredQuestion] = []
    for line, row in _rows(path):
        answers, passage = row.get("answers"), row.get("passage")
        if not isinstance(answers, list) or not all(isinstance(each, str) for each in answers):
            raise _wrong(path, line, "'answers' is not a list of texts")
        if not isinstance(row.get("answerable"), bool):
            raise _wrong(path, line, "'answerable' is neither true nor false")
        found.append(
            AnsweredQuestion(
                id=_text(row, "_id", path, line),
                text=_text(row, "question", path, line),
                answers=tuple(answers),
                is_answerable=row["answerable"],
                document=passage if isinstance(passage, str) else None,
            )
        )
    if not found:
        raise InvalidRequest(f"{path} holds no question.")
    return found


def _qrels(folder: Path, split: str | None) -> Path:
    splits = {path.stem: path for path in sorted((folder / "qrels").glob("*.tsv"))}
    if not splits and (folder / "qrels.tsv").is_file():
        splits = {_DEFAULT_SPLIT: folder / "qrels.tsv"}
    chosen = split or (_DEFAULT_SPLIT if _DEFAULT_SPLIT in splits else next(iter(splits), _DEFAULT_SPLIT))
    if chosen not in splits or (split is None and len(splits) > 1 and _DEFAULT_SPLIT not in splits):
        known = ", ".join(splits) or "none"
        raise InvalidRequest(f"Which qrels of {folder}? There are: {known}.", remedy="Say --split NAME.")
    return splits[chosen]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, text in _lines(path):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _wrong(path, line, f"is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise _wrong(path, line, "is not a JSON object")
        yield line, row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as opened:
            number = 0
            while content := opened.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(content) > MAX_LINE_BYTES or number > MAX_LINES:
                    raise _wrong(path, number, f"more than {MAX_LINES} lines, or one above {MAX_LINE_BYTES} bytes")
                yield number, content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.", remedy=_FORM) from None


def _text(row: Mapping[str, Any], key: str, path: Path, line: int) -> str:
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and key == "_id":
        return str(value)
    if not isinstance(value, str):
        raise _wrong(path, line, f"{key!r} is not a text")
    return value


def _wrong(path: Path, line: int, what: str) -> InvalidRequest:
    return InvalidRequest(f"{path}:{line}: {what}.")
