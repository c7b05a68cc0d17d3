"""The catalog's tables, as SQLAlchemy ``MetaData``; the migrations build exactly these (a test compares them).

Who locks what keeps recorders and writers apart: recorders write ``collections``, ``positions``, ``blocks`` and
``observations`` and insert into ``arrivals``; runs write ``claims``, ``documents``, ``document_indexes``,
``intents``, ``parts``, ``part_rows``, ``failures``, ``tallies`` and update ``arrivals``. There are no foreign keys
between those: they would take share locks across that line.

Runs take their locks in one order of tables (``claims``, ``documents``, ``document_indexes``, ``intents``,
``arrivals``, ``failures``, ``tallies``), and within a table by key. Whoever cannot keep that order skips locked rows.
"""

from resources.clients.catalog.schema import (
    answers,
    arrivals,
    callers,
    chat,
    platform,
    recorders,
    runs,
    streams,
    tallies,
    uploads,
)
from resources.clients.catalog.schema.columns import METADATA

__all__ = [
    "METADATA",
    "answers",
    "arrivals",
    "callers",
    "chat",
    "platform",
    "recorders",
    "runs",
    "streams",
    "tallies",
    "uploads",
]
