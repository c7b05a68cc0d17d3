"""``python -m bench``: every part in turn, each on a stack of its own; then the table, the files and the plot.

python -m bench --data ../shared/data/scifact
python -m bench --quick --only freshness --only search
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench import encoders, freshness, ingestion, parsing, results, serving, streaming, ticks
from bench.corpora import queries, records
from rag_core.errors import RagError

PARTS = ("parsing", "encoder", "ingestion", "rerun", "search", "freshness", "edit", "ticks", "kafka")
_OF = {
    "parsing": ("parse_pages_per_s",),
    "encoder": ("encoder_vs_sentence_transformers",),
    "ingestion": ("end_to_end_vs_encoder", "run_peak_mb"),
    "rerun": ("rerun_embedded", "rerun_written", "rerun_vs_first"),
    "search": ("search_p50_vs_bare",),
    "freshness": ("freshness_s_p50", "freshness_s_p95"),
    "edit": ("one_edit_s",),
    "ticks": ("tick_s_100k_objects",),
    "kafka": ("kafka_records_vs_bare", "kafka_freshness_s_p50", "kafka_freshness_s_p95"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything is measured."""

    records: int | None
    repetitions: int
    questions: int
    rate_s: float
    fresh_times: int
    many_documents: int
    edits: int
    objects: tuple[int, ...]
    arrivals: int
    pages: int
    compared: int
    messages: int


FULL = Scale(
    records=None,
    repetitions=3,
    questions=300,
    rate_s=10,
    fresh_times=20,
    many_documents=10_000,
    edits=5,
    objects=(1000, 10_000, 100_000),
    arrivals=1_000_000,
    pages=400,
    compared=2048,
    messages=40_000,
)
QUICK = Scale(
    records=200,
    repetitions=1,
    questions=60,
    rate_s=3,
    fresh_times=5,
    many_documents=300,
    edits=3,
    objects=(100, 1000, 10_000),
    arrivals=100_000,
    pages=100,
    compared=256,
    messages=3000,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is measured on, where it is not made: a test collection, a folder of PDFs, a file of events."""

    data: Path | None
    pdfs: Path | None
    events: Path | None


class Bench:
    """Runs the parts that are asked for; one that fails says why and does not stop the others."""

    def __init__(self, scale: Scale, given: Given, only: frozenset[str], folder: Path) -> None:
        self.scale, self.given, self.only, self.folder = scale, given, only, folder
        self.results = results.Results()
        self.has_failed = False

    def run(self) -> None:
        """Measure everything."""
        scale = self.scale
        self._part("parsing", lambda: parsing.measure_parsing(self.folder, scale.pages, self.given.pdfs, self.results))
        if self.only & {"encoder", "ingestion", "rerun", "search", "freshness"}:
            self._on_corpus()
        if self.only & {"edit", "ticks"}:
            with freshness.new_stack(self.folder / "many") as stack:
                self._part(
                    "edit",
                    lambda: freshness.measure_one_edit(stack, scale.many_documents, scale.edits, self.results),
                )
                self._part(
                    "ticks",
                    lambda: ticks.measure_ticks(
                        stack, objects=scale.objects, arrivals=scale.arrivals, results=self.results
                    ),
                )

        if "kafka" in self.only:
            try:
                with streaming.new_stack(self.folder / "streamed") as stack:
                    self._part(
                        "kafka",
                        lambda: streaming.measure_streaming(
                            stack, self.given.events, scale.messages, scale.fresh_times, self.results
                        ),
                    )
            except RagError as error:  # no Java, no Maven
                self._failed(("kafka",), error)

    def _on_corpus(self) -> None:
        corpus = records(self.given.data, self.scale.records)
        ratios: list[float] = []
        for repetition in range(self.scale.repetitions if "ingestion" in self.only else 1):
            is_last = repetition + 1 == self.scale.repetitions or "ingestion" not in self.only
            _say(f"ingestion {repetition + 1}: {len(corpus)} documents")
            with ingestion.new_stack(self.folder / f"docs{repetition}") as stack:
                try:
                    first = ingestion.measure_once(stack, corpus, self.results, ratios)
                except Exception as error:  # noqa: BLE001 - said for every figure that hangs on it
                    self._failed(("encoder", "ingestion", "rerun", "search", "freshness"), error)
                    return
                if is_last:
                    ingestion.conclude(ratios, self.results)
                    self._on_filled(stack, first)

    def _on_filled(self, stack: ingestion.BenchStack, first: ingestion.Ingested) -> None:
        scale, docs = self.scale, ingestion.DOCS
        self._part("rerun", lambda: ingestion.measure_rerun(stack, first, self.results))
        asked = queries(self.given.data, scale.questions)
        self._part("search", lambda: serving.measure_search(stack, docs, asked, scale.rate_s, self.results))
        self._part("freshness", lambda: freshness.measure_freshness(stack, docs, scale.fresh_times, self.results))
        texts = first.texts[:: max(1, -(-len(first.texts) // scale.compared))]
        self._part("encoder", lambda: encoders.against_sentence_transformers(texts, self.results))

    def _part(self, name: str, work: Callable[[], None]) -> None:
        if name not in self.only:
            return
        _say(name)
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a figure that is missing says why, the others are measured
            self._failed((name,), error)

    def _failed(self, parts: tuple[str, ...], error: Exception) -> None:
        self.has_failed = True
        traceback.print_exc()
        for key in (key for part in parts if part in self.only for key in _OF[part]):
            self.results.miss(key, f"{type(error).__name__}: {error}"[:300])


def main() -> int:
    """Measure, write and print; 1 when a part failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a test collection in BEIR's form; without it documents are made")
    parser.add_argument("--pdfs", type=Path, help="a folder of PDFs to parse, too")
    parser.add_argument(
        "--events", type=Path, help="gzipped JSON lines of edit events to stream; without it they are made"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of everything or less, in about five minutes")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument("--repetitions", type=int, help="how often the whole corpus is ingested; default 3, quick 1")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where the results are written")
    parser.add_argument("--work", type=Path, help="folder for the stacks, on a real disk; default the system's")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that stacks end with the benchmark
    began = time.monotonic()
    if arguments.work is not None:
        Path(arguments.work).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="rag-bench-", dir=arguments.work))
    only = frozenset(arguments.only or PARTS)
    scale = QUICK if arguments.quick else FULL
    if arguments.repetitions is not None:
        scale = replace(scale, repetitions=max(1, arguments.repetitions))
    given = Given(data=arguments.data, pdfs=arguments.pdfs, events=arguments.events)
    bench = Bench(scale, given, only, folder)
    before = results.machine()
    try:
        bench.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    data = arguments.data.resolve().name if arguments.data else "made documents"
    found = bench.results.to_json(quick=arguments.quick, data=data, seconds=time.monotonic() - began)
    found["machine"] = before
    if only == frozenset(PARTS):
        results.write(arguments.out, found)
    else:
        _say("only some parts were measured: nothing is written")
    print(results.table(found))
    return int(bench.has_failed)


def _say(what: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
