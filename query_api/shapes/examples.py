"""Examples of responses for the OpenAPI document, by the names of their schemas; they tell one story.

They are put into the finished document because FastAPI leaves members that are null out of examples. A test holds each
against its schema.
"""

from typing import Any

from query_api.shapes.ids import (
    EXAMPLE_ANSWER,
    EXAMPLE_ARRIVAL,
    EXAMPLE_DOCUMENT,
    EXAMPLE_JOB,
    EXAMPLE_PROJECT,
    EXAMPLE_SESSION,
    EXAMPLE_URI,
)

_INDEX = "handbook--3f9a1c20"
_MODEL = "all-MiniLM-L6-v2@53aa51172d142c89"
_AT = "2026-01-05T09:30:00Z"
_QUESTION = "How long are backups kept?"
_TEXT = "Backups are kept for thirty days. Restores are tested every month."
_RUN = {"arrival": EXAMPLE_ARRIVAL, "run_id": "1f0c3f6e-7d0b-4d53-9a0e-5b1c2d3e4f50", "run_url": None}
_STORED = "Stored and recorded; it waits for its run."

_CITATION: dict[str, Any] = {
    "number": 1,
    "document_id": EXAMPLE_DOCUMENT,
    "title": "Report on operations",
    "uri": EXAMPLE_URI,
    "version": "v1",
    "pages": {"first": 3, "last": 3},
    "anchor": {"unit": "page", "first": 3, "last": 3, "name": "page 3"},
    "span": {"start": 4180, "end": 4180 + len(_TEXT)},
    "heading_path": ["Operations", "Backups"],
    "ordinal": 12,
    "text": _TEXT,
    "media_type": "application/pdf",
    "metadata": {"team": "platform"},
    "score": 0.81,
    "scores": {"dense": 0.78, "sparse": 9.4},
    "lineage": {
        "made_by": _RUN,
        "made_at": _AT,
        "confirmed_by": _RUN,
        "model": _MODEL,
        "parser": "pdf/3",
        "code_version": "0.1.0",
    },
    "also_at": [],
}
_ANSWER: dict[str, Any] = {
    "collection": "handbook",
    "question": _QUESTION,
    "answered": True,
    "answer": "Backups are kept for thirty days. [1]",
    "reason": None,
    "reason_text": None,
    "confidence": 0.81,
    "threshold": 0.35,
    "quotes": [
        {"text": "Backups are kept for thirty days.", "citation": 1, "span": {"start": 0, "end": 33}, "score": 0.81}
    ],
    "citations": [_CITATION],
    "generation": {
        "mode": "extractive",
        "model": None,
        "template": None,
        "fell_back": False,
        "because": None,
        "finish_reason": "stop",
        "unsupported_citations": 0,
    },
    "usage": {"prompt_tokens": 0, "completion_tokens": 0},
    "index": _INDEX,
    "model": _MODEL,
    "session": None,
}
_JOB: dict[str, Any] = {
    "job_id": EXAMPLE_JOB,
    "status": "Pending",
    "message": _STORED,
    "name": "report.pdf",
    "collection": "handbook",
    "document_id": EXAMPLE_DOCUMENT,
    "uri": EXAMPLE_URI,
    "media_type": "application/pdf",
    "size_bytes": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "arrival": EXAMPLE_ARRIVAL,
    "reason": None,
    "run_url": None,
    "recorded_at": _AT,
    "changed_at": _AT,
}
_PROJECT: dict[str, Any] = {
    "id": EXAMPLE_PROJECT,
    "title": "Moving to the new office",
    "created_at": _AT,
    "sessions": 1,
}
_SESSION: dict[str, Any] = {
    "id": EXAMPLE_SESSION,
    "project_id": EXAMPLE_PROJECT,
    "title": "Backups",
    "collections": ["handbook"],
    "turns": 2,
    "created_at": _AT,
    "active_at": _AT,
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "SearchResponse": {
        "collection": "handbook",
        "query": _QUESTION,
        "mode": "hybrid",
        "fusion": "bounded_sum",
        "index": _INDEX,
        "model": _MODEL,
        "results": [_CITATION],
    },
    "AskResponse": _ANSWER,
    "QueuedAnswer": {"answer_id": EXAMPLE_ANSWER, "status": "queued", "url": f"/v1/answers/{EXAMPLE_ANSWER}"},
    "AnswerShape": {
        "answer_id": EXAMPLE_ANSWER,
        "status": "done",
        "url": f"/v1/answers/{EXAMPLE_ANSWER}",
        "collection": "handbook",
        "question": _QUESTION,
        "created_at": _AT,
        "started_at": _AT,
        "finished_at": _AT,
        "attempts": 1,
        "next_attempt_at": None,
        "answer": _ANSWER,
        "withheld": False,
        "problem": None,
        "webhook": None,
    },
    "JobShape": _JOB,
    "UploadAnswer": {
        "job_id": EXAMPLE_JOB,
        "status": "Pending",
        "message": _STORED,
        "jobs": [_JOB],
        "refused": None,
    },
    "ProjectShape": _PROJECT,
    "ProjectList": {"projects": [_PROJECT], "next_before": None},
    "SessionShape": _SESSION,
    "SessionList": {"sessions": [_SESSION], "next_before": None},
}
