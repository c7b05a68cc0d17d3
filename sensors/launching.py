"""Launches a run the moment fresh work is recorded, whoever recorded it: the watcher, an upload, a listener.

The due-work sensor finds the same work at its own pace; both take the catalog's claim, so nobody asks for anything
twice, and what cannot be launched here is left to the sensor. Free of Dagster: it speaks to its webserver.

1. Look at what every run needs: while the index is away no claim is taken.
2. Take the claim of one block with little due work: one that a sensor has taken is not seen here.
3. Ask the webserver for the run, the partition first.
4. If it refused, or was not there, withdraw the claim: the sensor need not wait until it lapses. If it may have heard,
   keep it: a run whose claim has moved on ends quietly.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import TYPE_CHECKING

from rag_core.errors import DependencyUnavailable, RagError
from rag_core.planning import PlannedRun, blocks_name, job_name, plan_runs
from rag_core.run_places import LAUNCH_GRACE_S
from resources.clients.catalog.values import Claim, Lane
from resources.clients.dagster_webserver import DagsterWebserver, LaunchRefused

if TYPE_CHECKING:
    from resources.clients.catalog import Catalog

WAIT_S = 15.0
SHORTEST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
LEFT_TO_SENSOR_S = 1.0
"""How long not to look again where the due work is no fresh work, or waits in Dagster's queue."""

_log = logging.getLogger("rag.launching")


class FreshLauncher:
    """Waits for fresh work of ``collections`` and launches its runs, until ``stop`` is set.

    ``launch_grace_s`` says of a collection how long its runs may take to start; ``beat`` is called once a round.
    """

    def __init__(
        self,
        catalog: "Catalog",
        webserver: DagsterWebserver,
        *,
        collections: Sequence[str],
        require_dependencies: Callable[[], None],
        stop: Event,
        launch_grace_s: Mapping[str, float] | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._catalog = catalog
        self._require_dependencies = require_dependencies
        self._webserver = webserver
        self._collections = tuple(collections)
        self._stop = stop
        self._grace_s = dict(launch_grace_s or {})
        self._pause_s = 0.0
        self._beat = beat
        self._known: set[tuple[str, str]] = set()

    def run(self) -> None:
        """Launch until stopped; whatever fails is tried again later, with growing pauses."""
        while not self._stop.is_set():
            self._beat()
            try:
                self._look()
            except RagError as error:
                self._pause_s = min(LONGEST_PAUSE_S, max(SHORTEST_PAUSE_S, 2 * self._pause_s))
                _log.warning("nothing is launched at once for %.0f s: %s", self._pause_s, error)
                self._stop.wait(self._pause_s)
            else:
                self._pause_s = 0.0

    def _look(self) -> None:
        started = 0
        names = self._catalog.wait_for_due(self._collections, timeout_s=WAIT_S)
        if not names:
            return
        self._require_dependencies()
        for name in sorted(names):
            grace_s = self._grace_s.get(name, LAUNCH_GRACE_S)
            for claim in self._catalog.claims.request(name, limit=1, launch_grace_s=grace_s, lane=Lane.FRESH):
                started += self._launch(claim)
        if not started:
            self._stop.wait(LEFT_TO_SENSOR_S)

    def _launch(self, claim: Claim) -> bool:
        """Launch a claim's run; False if it has to wait in Dagster's queue."""
        began_s = time.monotonic()
        (planned,) = plan_runs([claim], partition_exists=lambda _: True).runs
        try:
            self._add_partition(claim.collection, planned)
            launched = self._webserver.launch(
                job_name(claim.collection), partition=planned.partition_key, tags=planned.tags
            )
        except (LaunchRefused, DependencyUnavailable):
            self._catalog.claims.withdraw(claim)
            raise
        _log.info(
            "launched %s for %s in %.0f ms: %s",
            launched.run_id,
            claim.run_key,
            1000 * (time.monotonic() - began_s),
            "queued" if launched.is_queued else "starting",
        )
        return not launched.is_queued

    def _add_partition(self, collection: str, planned: PlannedRun) -> None:
        known = (collection, planned.partition_key)
        if known not in self._known:
            self._webserver.add_partition(job_name(collection), blocks_name(collection), planned.partition_key)
            self._known.add(known)
