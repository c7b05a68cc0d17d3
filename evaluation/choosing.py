"""A threshold that another evaluation chose, so that it is measured on questions that it was not chosen on."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

from rag_core.errors import InvalidRequest

_MAX_REPORT_BYTES = 1024 * 1024


class Criterion(StrEnum):
    """What makes a threshold the best one.

    ``youden``: the share answered of the answerable questions is furthest above that of the unanswerable ones (Youden,
    *Index for rating diagnostic tests*, Cancer 1950). ``keep-95``: the highest one that answers 95 % of the answerable.
    Where confidence hardly tells the kinds apart the first means to answer little; the second keeps right answers.
    """

    YOUDEN = "youden"
    KEEP_95 = "keep-95"


def chosen_in(report: Path, criterion: Criterion) -> tuple[float, str]:
    """Return the best threshold of a report that ``rag eval --json`` wrote, and in words where it comes from.

    Raises ``InvalidRequest`` where the file is no report, or of an evaluation that had only one kind of question.
    """
    try:
        if report.stat().st_size > _MAX_REPORT_BYTES:
            raise InvalidRequest(f"{report} is larger than any report of an evaluation.")
        read = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"{report} cannot be read: {error}.") from None
    threshold = _at(read, "answers", "best", criterion.value, "threshold")
    if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not 0 <= threshold <= 1:
        raise InvalidRequest(
            f"{report} names no threshold that is best by {criterion.value}.",
            remedy="Name what --json wrote in an evaluation with --answers of both kinds of question.",
        )
    return float(threshold), f"{str(_at(read, 'collection'))[:80]} by {criterion.value}"


def _at(read: Any, *path: str) -> Any:
    for name in path:
        read = read.get(name) if isinstance(read, dict) else None
    return read
