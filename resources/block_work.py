"""What can be done on blocks of one collection: ingest one under a claim, check one, read one. Free of Dagster."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ParamSpec

from rag_core.errors import ConfigurationError, DependencyUnavailable, SourceAway
from resources import opened_ahead
from resources.clients.catalog.values import Claim, ClaimLost, HeldBy
from resources.clients.collection_files import LoadedCollection
from resources.clients.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from rag_core.vector_index import IndexWriter, VectorStore
    from resources.clients.catalog import Catalog
    from resources.clients.embedders import Embedder
    from resources.clients.object_store import ReadableStore
    from resources.clients.parquet_parts import PartStore
    from resources.clients.parsing import ParserSandbox
    from resources.ingestion.checking.promises import CheckOutcome
    from resources.ingestion.counts import Counts, RunReport
    from resources.ingestion.housekeeping import Housekept

_Said = ParamSpec("_Said")

LEASE_S = 60.0
HELD_LIMIT_S = 3600.0
MISCONFIGURED_S = 60.0
"""How long a block is left alone after a run that no document ended: the next one would end the same way."""

_MAX_REASON = 500
LOOK_EVERY_S = 1.0
SAY_EVERY_S = 5.0


@dataclass(kw_only=True)
class BlockWork:
    """One collection's clients, each opened when first needed and closed with ``closing``."""

    settings: Settings
    loaded: LoadedCollection
    run_id: str
    code_version: str
    environment: Mapping[str, str]
    closing: ExitStack
    say: Callable[[str], None] = field(default=lambda _: None)

    def ingest(
        self,
        partition: int,
        *,
        claim_number: int | None,
        layers: frozenset[str],
        recompute: frozenset[str],
        tried_again_in_s: float | None = None,
    ) -> "RunReport | None":
        """Take a block through ``layers``: due work under a sensor's claim, everything in it without one.

        When a dependency is away and the caller tries again in ``tried_again_in_s``, the run keeps its claim until
        then; what it had begun is due as before. An error that nobody foresaw counts a crash for each document that
        was being worked on, so that the one behind it is found and quarantined.

        Returns None when the sensor's claim has moved on to another run. Without a claim it waits for a run that works
        on the block now; raises ``DependencyUnavailable`` when that takes longer than an hour.
        """
        from resources.ingestion.run import IngestRun

        claim = self._start(partition, claim_number) if claim_number is not None else self._take(partition)
        if claim is None:
            self.say("The claim of this run has moved on: another run does the block's work. Nothing to do.")
            return None
        try:
            traces = opened_ahead.traces_of(self.settings)
            self.closing.callback(traces.close)
            run = IngestRun(
                collection=self.loaded.collection,
                catalog=self.catalog,
                stores=self.stores,
                sandbox_factory=self._sandbox,
                embedder_factory=self._embedder,
                writer=self.writer,
                parts=self.parts,
                run_id=self.run_id,
                code_version=self.code_version,
                passwords=self._passwords(),
                layers=layers,
                recompute=recompute,
                on_progress=_every(SAY_EVERY_S, self._say_counts),
                on_embedding=_every(SAY_EVERY_S, self._say_embedding),
                traces=traces,
            )
            report = run.process(claim, reconcile=claim_number is None)
        except DependencyUnavailable:
            self._leave(claim, keep_s=tried_again_in_s)
            raise
        except ConfigurationError:
            self._leave(claim, keep_s=MISCONFIGURED_S)
            raise
        except SourceAway:  # its documents have their time; trying the step again would find nothing due
            self._leave(claim)
            raise
        except Exception as error:
            self._fail(claim, f"{type(error).__name__}: {error}"[:_MAX_REASON])
            raise
        except BaseException:  # the run was told to stop
            self._leave(claim)
            raise
        self.catalog.claims.release(claim)
        return report

    def check(
        self, partition: int | None, names: frozenset[str], *, only_touched: bool = False
    ) -> "Iterator[CheckOutcome]":
        """Yield the outcome of each named check over one block (or this run's share of it), or over all blocks."""
        from resources.ingestion.checking.blocks import check_blocks

        return check_blocks(
            self.loaded.collection,
            partition,
            names,
            catalog=self.catalog,
            parts=self.parts,
            writer=self.writer,
            inspector=self._vectors.inspector(),
            touched_by=self.run_id if only_touched else None,
        )

    def read(self, partition: int, layer: str) -> "Iterator[pa.Table]":
        """Yield the rows that the catalog names for a block's layer, a row group at a time."""
        files = self.catalog.parts.files(self.loaded.collection.name, partition, layer)
        for file in sorted(set(files.values())):
            yield from self.parts.read(file, arrivals=[number for number, held in files.items() if held == file])

    def housekeep(self, *, however_many: bool = False) -> "Housekept":
        """Retire empty blocks, forget history, delete files that nothing names; see ``keep_house``."""
        from resources.ingestion.housekeeping import keep_house

        name, days = self.loaded.collection.name, self.settings.history_days
        return keep_house(name, self.catalog, self.parts, keep_days=days, however_many=however_many)

    @cached_property
    def catalog(self) -> "Catalog":
        """The catalog, its tables brought to this version."""
        return self.closing.enter_context(opened_ahead.catalog_of(self.settings.require("database_url")))

    @cached_property
    def writer(self) -> "IndexWriter":
        """The writer's side of the vector index."""
        return self._vectors.writer()

    @cached_property
    def _vectors(self) -> "VectorStore":
        store = opened_ahead.vector_store_of(self.settings)
        self.closing.callback(store.close)
        return store

    @cached_property
    def parts(self) -> "PartStore":
        """The store of Parquet parts."""
        from resources.clients.parquet_parts import open_parts

        return open_parts(self.settings.parquet, environ=self._environ())

    @cached_property
    def stores(self) -> "dict[str, ReadableStore]":
        """What each source's and stream's documents are read from, by its name."""
        from resources.clients.described_objects import DescribedStore
        from resources.clients.object_store import open_store
        from resources.clients.stored_messages import MessageStore

        folder, collection = self.loaded.path.parent, self.loaded.collection
        stores: dict[str, ReadableStore] = {
            source.name: open_store(source, folder, environ=self._environ()) for source in collection.sources
        }
        if collection.kafka is not None:
            if collection.streams:  # messages may say something of the sources' objects
                stores = {
                    name: DescribedStore(store, self.catalog, collection=collection.name, source=name)
                    for name, store in stores.items()
                }
            for stream in collection.streams:
                stores[stream.name] = MessageStore(
                    self.catalog, collection=collection.name, stream=stream.name, cluster=collection.kafka.cluster
                )
        return stores

    def _environ(self) -> dict[str, str]:
        """The environment as S3 clients read it, the settings' own S3 server in it."""
        return {**self.environment, **self.settings.aws_environment()}

    def _sandbox(self) -> "AbstractContextManager[ParserSandbox]":
        return opened_ahead.sandbox_of(opened_ahead.parse_limits(self.loaded.collection))

    def _embedder(self, model: str) -> "Embedder":
        embedder = opened_ahead.embedder_of(self.settings, self.loaded.collection, model)
        self.closing.callback(embedder.close)
        return embedder

    def _passwords(self) -> tuple[str, ...]:
        names = self.loaded.collection.pdf_passwords
        missing = [name for name in names if name not in self.environment]
        if missing:
            self.say(f"PDF passwords that are named but not set in the environment: {', '.join(missing)}")
        return tuple(self.environment[name] for name in names if name in self.environment)

    def _start(self, partition: int, number: int) -> Claim | None:
        return self.catalog.claims.start(
            self.loaded.collection.name, partition, number, run_id=self.run_id, lease_s=LEASE_S
        )

    def _leave(self, claim: Claim, *, keep_s: float | None = None) -> None:
        """Release a claim, or keep it for ``keep_s``."""
        with self._giving_up():
            if keep_s is None:
                self.catalog.claims.release(claim)
            else:
                self.catalog.claims.renew(claim, lease_s=keep_s)

    def _fail(self, claim: Claim, failure: str) -> None:
        with self._giving_up():
            self.catalog.claims.fail(claim, failure, wait_s=MISCONFIGURED_S)

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        """Let a catalog that is away not hide why the run ended."""
        try:
            yield
        except (DependencyUnavailable, ClaimLost) as error:
            self.say(f"The claim could not be given up and lapses by itself: {error}")

    def _take(self, partition: int) -> Claim:
        ends = time.monotonic() + HELD_LIMIT_S
        said = ""
        while True:
            taken = self.catalog.claims.take(
                self.loaded.collection.name, partition, run_id=self.run_id, lease_s=LEASE_S
            )
            if not isinstance(taken, HeldBy):
                return taken
            if taken.run_id != said:
                self.say(f"Run {taken.run_id} works on this block; waiting for it.")
                said = taken.run_id
            if time.monotonic() > ends:
                message = f"Run {taken.run_id} still works on block {partition}."
                raise DependencyUnavailable(message, dependency="block", remedy="Terminate that run, or try later.")
            time.sleep(LOOK_EVERY_S)

    def _say_embedding(self, done: int, of: int) -> None:
        self.say(f"{done:,} of {of:,} chunks of these documents are embedded")

    def _say_counts(self, counts: "Counts") -> None:
        self.say(
            f"{counts.arrivals} arrivals begun: {counts.indexed} indexed, {counts.unchanged} unchanged, "
            f"{counts.superseded} superseded, {counts.deleted} deleted, {counts.quarantined} quarantined, "
            f"{counts.retrying} retrying; {counts.chunks} chunks, {counts.embedded} embedded, "
            f"{counts.points_written} points written"
        )


def _every(interval_s: float, say: Callable[_Said, None]) -> Callable[_Said, None]:
    last = time.monotonic()

    def sometimes(*said: _Said.args, **named: _Said.kwargs) -> None:
        nonlocal last
        if time.monotonic() - last >= interval_s:
            last = time.monotonic()
            say(*said, **named)

    return sometimes


@contextmanager
def opened_block_work(
    settings: Settings,
    collection: str,
    *,
    run_id: str,
    code_version: str,
    environment: Mapping[str, str],
    say: Callable[[str], None],
) -> Iterator[BlockWork]:
    """Yield the work on one collection of ``settings.collections``; one that is not there is a configuration error."""
    from resources.clients.collection_files import load_collection

    loaded = load_collection(settings.collections, collection)
    with ExitStack() as closing:
        yield BlockWork(
            settings=settings,
            loaded=loaded,
            run_id=run_id,
            code_version=code_version,
            environment=environment,
            closing=closing,
            say=say,
        )
