"""``python -m sensors.watcher``: watches the folder sources, so that a dropped file is not left waiting for a sweep.

It records observations and, beside that, launches runs for fresh work of any kind (``launching``). Whatever it misses
(an event lost, a folder away, the catalog down for long) the next sweep finds. It ends by itself, with exit code 0,
when a collection file changes: its supervisor starts it anew.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from rag_core.errors import DependencyUnavailable, RagError
from resources.clients.collection_files import LoadedCollection, load_collections
from resources.clients.dagster_webserver import DagsterWebserver
from resources.clients.heartbeat import Heartbeat
from resources.clients.object_store import RootMissing, location_of
from sensors.connections import OpenCatalog, open_source, shared_catalog, shared_dependencies
from sensors.dependencies import require
from sensors.launching import FreshLauncher
from sensors.observing import FolderObserver
from sensors.saying import say

TICK_MS = 50
DEBOUNCE_MS = 100
LONGEST_PAUSE_S = 30.0
ROOTS_EVERY_S = 2.0


class Watcher:
    """Watches the roots that are there and looks again for those that are not, until ``stop`` is set."""

    def __init__(
        self,
        observers: Sequence[FolderObserver],
        *,
        collections: Path,
        stop: Event,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self._heartbeat = heartbeat or Heartbeat(None)
        self._observers = observers
        self._collections = collections
        self._declared = stamp_of(collections)
        self._stop = stop
        self._pause_s = 0.0
        self._resume_at_s = 0.0

    def run(self) -> str:
        """Watch until stopped or until a collection file changes; return which of the two it was."""
        roots, before = self._roots(), None
        while not self._stop.is_set():
            self._heartbeat.touch()
            self._watch(roots, before)
            roots, before = self._roots(), roots
            if stamp_of(self._collections) != self._declared:
                return "the collection files changed"
        return "asked to stop"

    def _watch(self, roots: dict[Path, int], before: dict[Path, int] | None) -> None:
        """Watch these roots until one comes, goes or is another folder than before, or until it is time to end.

        All that a root holds that was not watched ``before`` is looked at; at the start the sweeps do that.
        """
        look_at_roots_s = time.monotonic() + ROOTS_EVERY_S
        is_watching = False
        for paths in self._events(list(roots)):
            now_s = time.monotonic()
            if not is_watching:
                is_watching = True
                say("watching", folders=[str(root) for root in roots])
                new = {root for root, inode in roots.items() if before is not None and before.get(root) != inode}
                for observer in (each for each in self._observers if each.root in new):
                    observer.hint_everything(now_s)
            for path in paths:
                self._hint(path, now_s)
            if now_s >= self._resume_at_s:
                self._record(now_s)
            if now_s >= look_at_roots_s:
                self._heartbeat.touch()
                if self._roots() != roots or stamp_of(self._collections) != self._declared:
                    return
                look_at_roots_s = now_s + ROOTS_EVERY_S

    def _events(self, roots: list[Path]) -> Iterator[set[str]]:
        """Yield the paths at which something happened, or nothing after a while; ends when stopped or on a fault."""
        from watchfiles import watch

        if not roots:
            while not self._stop.wait(TICK_MS / 1000):
                yield set()
            return
        try:
            for changes in watch(
                *roots,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=50,
                rust_timeout=TICK_MS,
                yield_on_timeout=True,
                stop_event=self._stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                yield {path for _, path in changes}
        except OSError as error:
            say("watch failed", level=logging.WARNING, error=str(error))
            self._stop.wait(ROOTS_EVERY_S)

    def _hint(self, path: str, now_s: float) -> None:
        for observer in self._observers:
            if Path(path).is_relative_to(observer.root):
                try:
                    observer.hint(path, now_s)
                except (RagError, OSError) as error:
                    say("left to the sweep", level=logging.WARNING, path=path, error=str(error))

    def _record(self, now_s: float) -> None:
        for observer in self._observers:
            if not observer.pending:
                continue
            names = {"collection": observer.collection.name, "source": observer.source.name}
            try:
                observed = observer.record_settled(now_s)
            except RootMissing as error:
                say("nothing concluded", level=logging.WARNING, reason=error.message, **names)
                self._back_off(now_s)
            except DependencyUnavailable as error:
                self._back_off(now_s)
                say("waiting", level=logging.WARNING, reason=error.message, again_in_s=self._pause_s, **names)
                return
            else:
                self._pause_s = 0.0
                if observed.new or observed.left_to_sweep:
                    counts = {"new": observed.new, "gone": observed.gone, "left_to_sweep": observed.left_to_sweep}
                    say("recorded", **names, **counts)

    def _back_off(self, now_s: float) -> None:
        self._pause_s = min(LONGEST_PAUSE_S, max(0.5, self._pause_s * 2))
        self._resume_at_s = now_s + self._pause_s

    def _roots(self) -> dict[Path, int]:
        """Return the roots that are there with their inodes: a folder that was replaced must be watched anew."""
        found: dict[Path, int] = {}
        for observer in self._observers:
            if observer.root.is_dir():
                found[observer.root] = observer.root.stat().st_ino
        return found


def observers_of(
    collections: Sequence[LoadedCollection], *, open_catalog: OpenCatalog = shared_catalog
) -> list[FolderObserver]:
    """Return an observer for each folder source with ``watch: true``."""
    return [
        FolderObserver(
            collection=loaded.collection,
            source=source,
            root=location,
            store=open_source(loaded, source),
            catalog=open_catalog(),
        )
        for loaded in collections
        for source in loaded.collection.sources
        if source.watch and isinstance(location := location_of(source, loaded.base_dir), Path)
    ]


def main() -> int:
    """Watch until SIGTERM or SIGINT, or until a collection file changes; 1 if it cannot begin."""
    from resources.clients.settings import load_settings

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    for noisy in ("watchfiles", "httpx"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = load_settings()
        folder = settings.collections
        heartbeat = Heartbeat(settings.heartbeat)
        watcher = Watcher(_opened(folder, stop, heartbeat), collections=folder, stop=stop, heartbeat=heartbeat)
        with launching_at_once(load_collections(folder), url=settings.dagster_url, heartbeat=heartbeat):
            reason = watcher.run()
    except RagError as error:
        say("cannot watch", level=logging.ERROR, error=str(error))
        return 1
    say("ended", reason=reason)
    return 0


@contextmanager
def launching_at_once(
    collections: Sequence[LoadedCollection], *, url: str | None, heartbeat: Heartbeat | None = None
) -> Iterator[None]:
    """Launch runs for fresh work in the background; without a Dagster webserver it is left to the sensors."""
    if url is None or not collections:
        yield
        return
    stop = Event()
    with DagsterWebserver(url) as webserver:
        names = [loaded.collection.name for loaded in collections]
        launcher = FreshLauncher(
            shared_catalog(),
            webserver,
            collections=names,
            require_dependencies=lambda: require(shared_dependencies()),
            stop=stop,
            beat=(heartbeat or Heartbeat(None)).of("launching"),
            launch_grace_s={each.collection.name: each.collection.runs.launch_grace_s for each in collections},
        )
        # A daemon: it may wait in the catalog for a while yet, and there is nothing to be lost.
        Thread(target=launcher.run, name="launching", daemon=True).start()
        yield
        stop.set()


def _opened(folder: Path, stop: Event, heartbeat: Heartbeat) -> list[FolderObserver]:
    """Wait for the catalog, however long it is away."""
    collections = load_collections(folder)
    pause_s = 0.5
    while True:
        heartbeat.touch()
        try:
            return observers_of(collections)
        except DependencyUnavailable as error:
            say("waiting", level=logging.WARNING, reason=error.message, again_in_s=pause_s)
            if stop.wait(pause_s):
                return []
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)


def stamp_of(folder: Path) -> dict[str, int]:
    """Return what changes when a collection file does."""
    stamps: dict[str, int] = {}
    if folder.is_dir():
        with os.scandir(folder) as found:
            for entry in found:
                if entry.name.endswith((".yaml", ".yml")) and entry.is_file():
                    stamps[entry.name] = entry.stat().st_mtime_ns
    return stamps


if __name__ == "__main__":
    sys.exit(main())
