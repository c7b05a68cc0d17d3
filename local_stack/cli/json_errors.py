"""Errors for programs: with ``--json`` a command that fails prints a problem (RFC 9457) as the API does."""

import http
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rag_core.errors import ConfigurationError, InvalidRequest, RagError, Transient

_WITH_A_FILE = frozenset({"eval"})
"""Commands whose ``--json`` takes the name of a file."""


class ApiProblem(Exception):
    """The cause of an error that the API answered: its problem, as it came."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("detail"))
        self.problem = dict(problem)


def wants_json(words: Sequence[str]) -> bool:
    """Say whether the words of a command ask for JSON on standard output."""
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options and not _WITH_A_FILE.intersection(options[:2])


def print_problem(error: Exception) -> None:
    """Print an error's problem on standard output, where a program looks for the result."""
    sys.stdout.write(json.dumps(problem_of(error), ensure_ascii=True, indent=2) + "\n")


def problem_of(error: Exception) -> dict[str, Any]:
    """Return the API's own problem where it answered with one, else one of the same shape."""
    if isinstance(error.__cause__, ApiProblem) and error.__cause__.problem.get("detail"):
        return error.__cause__.problem
    status = http.HTTPStatus(_status(error))
    detail = error.message if isinstance(error, RagError) else f"{type(error).__name__}: {error}"
    remedy = error.remedy if isinstance(error, RagError) else "'rag --debug …' shows where."
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "remedy": remedy,
    }
    dependency = getattr(error, "dependency", None)
    return problem if dependency is None else {**problem, "dependency": dependency}


def _status(error: Exception) -> int:
    if isinstance(error, InvalidRequest):
        return 422
    return 503 if isinstance(error, Transient | ConfigurationError) else 500
