"""How much of everything is measured, and on what."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Sizes of the parts: ``every`` nth document is ingested, ``raw_every`` nth chunk encoded raw.

    The load lasts two minutes of ``load_minute_s``.
    """

    every: int
    repetitions: int
    raw_every: int
    compared: int
    questions: int
    rate_s: float
    load_minute_s: float
    fresh_times: int
    many_documents: int
    edits: int
    objects: tuple[int, ...]
    arrivals: int
    pages: int
    messages: int


FULL = Scale(
    every=1,
    repetitions=3,
    raw_every=1,
    compared=2048,
    questions=300,
    rate_s=10,
    load_minute_s=60,
    fresh_times=20,
    many_documents=10_000,
    edits=5,
    objects=(1000, 10_000, 100_000),
    arrivals=1_000_000,
    pages=400,
    messages=40_000,
)
QUICK = Scale(
    every=10,
    repetitions=1,
    raw_every=8,
    compared=64,
    questions=30,
    rate_s=1,
    load_minute_s=1,
    fresh_times=3,
    many_documents=1000,
    edits=2,
    objects=(1000, 10_000, 100_000),
    arrivals=100_000,
    pages=40,
    messages=4000,
)
"""A tenth, but for the sweeps: there the figure is that of 100,000 objects. For two cores and five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is measured on where it is not made: a test collection, a folder of PDFs, a file of events."""

    data: Path | None
    pdfs: Path | None
    events: Path | None

    @property
    def documents(self) -> str:
        """Name the documents that are ingested."""
        return self.data.resolve().name if self.data else "made documents"

    def of(self, part: str) -> str:
        """Name what a part is measured on."""
        match part:
            case "parsing":
                return f"a made PDF and {self.pdfs.resolve().name}" if self.pdfs else "a made PDF"
            case "edit":
                return "made documents"
            case "ticks":
                return "made objects"
            case "kafka":
                return self.events.name if self.events else "made events"
            case _:
                return self.documents
