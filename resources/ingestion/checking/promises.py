"""The promises that checks hold the data to, and what is told of each: numbers to plot and a few examples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MAX_EXAMPLES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise about a layer, and what helps when it is broken.

    ``only_warns`` if breaking it needs a person but nothing is wrong with the data.
    """

    name: str
    layer: str
    unit: str
    description: str
    remedy: str
    only_warns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What a check found: numbers to plot, and up to ten examples of what breaks it."""

    check: Check
    passed: bool
    summary: str
    numbers: Mapping[str, int | float]
    examples: tuple[str, ...] = ()


ROWS_NAMED = Check(
    name="rows_of_every_document",
    layer="documents",
    unit="documents",
    description="Every indexed document has its row in a Parquet part that the catalog names.",
    remedy="Materialize the block again: what is gone is read and parsed anew.",
)
NOTHING_QUARANTINED = Check(
    name="nothing_quarantined",
    layer="documents",
    unit="arrivals",
    description="No document of the block is quarantined; `rag documents` shows reasons and remedies.",
    remedy="See `rag documents --state quarantined`; `rag retry` tries one again.",
    only_warns=True,
)
CHUNKS_COUNTED = Check(
    name="chunks_equal_catalog",
    layer="chunks",
    unit="documents",
    description="Each indexed document has as many chunk rows as the catalog says it has chunks.",
    remedy="Materialize the block again: chunks are cut anew from the stored text.",
)
VECTORS_SOUND = Check(
    name="dimension_and_norm",
    layer="embeddings",
    unit="vectors",
    description="Every dense vector has the index's dimension and length 1.",
    remedy="Materialize the block again with `recompute: [embeddings]` in the launchpad.",
)
POINTS_EQUAL = Check(
    name="index_equals_parquet",
    layer="vectors",
    unit="documents",
    description=(
        "The index holds exactly the points of each document's rows, with their text, place, title, metadata and "
        "rights, and no point of a document that is deleted, removed or unknown."
    ),
    remedy=(
        "Materialize the block again with `recompute: [vectors]`. Points of documents that the catalog does not know "
        "were written by somebody else: delete them in the index."
    ),
)
CHECKS = (ROWS_NAMED, NOTHING_QUARANTINED, CHUNKS_COUNTED, VECTORS_SOUND, POINTS_EQUAL)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was looked at and what broke a promise so far."""

    check: Check
    looked_at: int = 0
    broken: int = 0
    examples: list[str] = field(default_factory=list[str])

    def count(self, *, looked_at: int, broken: Iterable[str] = (), more: int = 0) -> None:
        """Add so many things looked at; ``broken`` describes each that breaks the promise, ``more`` do undescribed."""
        self.looked_at += looked_at
        self.broken += more
        for example in broken:
            self.broken += 1
            if len(self.examples) < MAX_EXAMPLES:
                self.examples.append(example)

    def outcome(self) -> CheckOutcome:
        """Return what is told of the check."""
        what = f"{self.looked_at} {self.check.unit}"
        return CheckOutcome(
            check=self.check,
            passed=not self.broken,
            summary=f"{self.broken} of {what} break it. {self.check.remedy}" if self.broken else f"Holds for {what}.",
            numbers={"looked_at": self.looked_at, "broken": self.broken},
            examples=tuple(self.examples),
        )
