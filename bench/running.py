"""A run of the benchmark: its parts one after another on one stack, so that only one has to come up and go down.

While the stack comes up, the files that the parts need are written; nothing is measured then. Kafka comes up with it
and idles until its part, as every collection does: each figure is one of a stack that holds them all.
"""

import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench import corpora, encoders, freshness, ingestion, load, parsing, serving, streaming, ticks
from bench.found import PARTS, Found
from bench.provenance import now
from bench.scale import Given, Scale
from bench.stack import BenchStack
from evaluation.datasets import Record
from evaluation.staging import stage
from rag_core.errors import RagError

WARM, MANY = "warm", "many"
_WARM_RECORDS = 24
_ON_CORPUS = frozenset({"ingestion", "rerun", "search", "load", "freshness", "encoder"})


class Bench:
    """Runs the parts that are asked for; one that fails says why and does not stop the others.

    ``found`` are the parts' figures, ``steps`` the seconds that were spent beside them.
    """

    def __init__(self, scale: Scale, given: Given, only: Iterable[str], folder: Path) -> None:
        asked = frozenset(only)
        self.found = {part: Found(part=part) for part in PARTS if part in asked}
        self.steps: dict[str, float] = {}
        self.has_failed = False
        self._scale, self._given, self._folder = scale, given, folder
        self._prepared = folder / "prepared"
        self._corpus = corpora.records(given.data, scale.every) if asked & _ON_CORPUS else []
        self._many = corpora.many(scale.many_documents) if "edit" in asked else []
        self._docs = [f"docs{number + 1}" for number in range(scale.repetitions if "ingestion" in asked else 1)]

    def run(self) -> None:
        """Measure everything."""
        pages, pdfs = self._scale.pages, self._given.pdfs
        self._part("parsing", lambda found: parsing.measure_parsing(self._folder, pages, pdfs, found))
        if not self.found.keys() - {"parsing"}:
            return
        try:
            with self._stack() as running:
                self._on(running)
        except Exception as error:  # noqa: BLE001 - said for every figure that hangs on it
            self._failed(self.found.keys(), error)

    @contextmanager
    def _stack(self) -> Iterator[BenchStack]:
        """Give the running stack; without Kafka where that cannot come up."""
        running = self._declared(with_kafka="kafka" in self.found)
        try:
            with self._step("the stack comes up"), ThreadPoolExecutor(1) as beside:
                preparing = beside.submit(self._prepare)
                try:
                    running.up()
                except RagError as error:
                    if "kafka" not in self.found or not self.found.keys() - {"parsing", "kafka"}:
                        raise
                    self._failed(["kafka"], error)  # no Java, no Maven
                    running.remove()
                    running = self._declared(with_kafka=False)
                    running.up()
                preparing.result()
            yield running
        finally:
            with self._step("the stack goes down"), ThreadPoolExecutor(1) as beside:
                beside.submit(_delete, self._prepared)
                running.remove()

    def _declared(self, *, with_kafka: bool) -> BenchStack:
        running = BenchStack(self._folder / "stack", with_kafka=with_kafka)
        for collection in (WARM, *self._docs, MANY):
            running.declare(collection)
        if with_kafka:
            streaming.declare_streamed(running)
        return running

    def _prepare(self) -> None:
        for name, documents in (
            (WARM, self._corpus[:_WARM_RECORDS]),
            (self._docs[0], self._corpus),
            (MANY, self._many),
        ):
            stage(documents, self._prepared / name)
        for objects in self._scale.objects if "ticks" in self.found else ():
            ticks.fill(ticks.folder_of(self._prepared, objects), objects)

    def _on(self, running: BenchStack) -> None:
        scale = self._scale
        if "kafka" in self.found and not self.found["kafka"].reasons:
            streaming.create_topics(running)
        if self.found.keys() & _ON_CORPUS:
            self._on_corpus(running)
        events, messages, times = self._given.events, scale.messages, scale.fresh_times
        self._part("kafka", lambda found: streaming.measure_streaming(running, events, messages, times, found))
        many, prepared, edits = self._many, self._prepared / MANY, scale.edits
        self._part("edit", lambda found: freshness.measure_one_edit(running, MANY, many, prepared, edits, found))
        self._part(
            "ticks",
            lambda found: ticks.measure_ticks(
                running, self._prepared, objects=scale.objects, arrivals=scale.arrivals, found=found
            ),
        )

    def _on_corpus(self, running: BenchStack) -> None:
        try:
            with self._step("models and code get warm"):
                self._ingest(running, WARM, self._corpus[:_WARM_RECORDS])
            first = self._filled(running)
        except Exception as error:  # noqa: BLE001 - said for every figure that hangs on it
            self._failed(_ON_CORPUS, error)
            return
        docs, scale = self._docs[-1], self._scale
        self._part("rerun", lambda found: ingestion.measure_rerun(running, docs, first, found))
        asked = corpora.queries(self._given.data, scale.questions)
        self._part("search", lambda found: serving.measure_search(running, docs, asked, scale.rate_s, found))
        self._part("load", lambda found: load.measure_load(running, docs, asked, scale.load_minute_s, found))
        self._part("freshness", lambda found: freshness.measure_freshness(running, docs, scale.fresh_times, found))
        self._part("encoder", lambda found: self._against_sentence_transformers(running, found))

    def _filled(self, running: BenchStack) -> ingestion.Ingested:
        """Return the last ingestion of the documents, measured where that is asked for."""
        if "ingestion" not in self.found:
            with self._step("documents are ingested"):
                return self._ingest(running, self._docs[-1], self._corpus)
        with self._timed("ingestion") as found:
            measured = ingestion.EndToEnd(self._scale.raw_every, found)
            done = [measured.measure(running, name, self._corpus, self._prepared / name) for name in self._docs]
        return done[-1]

    def _ingest(self, running: BenchStack, name: str, corpus: list[Record]) -> ingestion.Ingested:
        return ingestion.ingest(running, name, corpus, self._prepared / name)

    def _against_sentence_transformers(self, running: BenchStack, found: Found) -> None:
        texts = encoders.texts_embedded(running.parquet(self._docs[-1]))
        encoders.against_sentence_transformers(texts[:: max(1, -(-len(texts) // self._scale.compared))], found)

    def _part(self, name: str, work: Callable[[Found], None]) -> None:
        if name not in self.found or self.found[name].reasons:
            return
        try:
            with self._timed(name) as found:
                work(found)
        except Exception as error:  # noqa: BLE001 - a figure that is missing says why, the others are measured
            self._failed([name], error)

    @contextmanager
    def _timed(self, name: str) -> Iterator[Found]:
        _say(name)
        found, began = self.found[name], time.monotonic()
        try:
            yield found
        finally:
            found.seconds, found.at = time.monotonic() - began, now()

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        _say(name)
        began = time.monotonic()
        try:
            yield
        finally:
            self.steps[name] = time.monotonic() - began

    def _failed(self, parts: Iterable[str], error: Exception) -> None:
        self.has_failed = True
        traceback.print_exception(error)
        for part in self.found.keys() & set(parts):
            self.found[part].miss_all(f"{type(error).__name__}: {error}"[:300])


def _say(what: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {what}", file=sys.stderr, flush=True)


def _delete(folder: Path) -> None:
    """Delete a folder of a hundred thousand files in seconds; ``shutil.rmtree`` takes a minute for it."""
    subprocess.run(["rm", "-rf", "--", str(folder)], check=False)  # noqa: S607 - whichever rm the user has
