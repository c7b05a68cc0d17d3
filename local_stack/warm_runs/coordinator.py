"""Which run starts when: a fresh one at once where a worker waits for it, everything else from Dagster's queue.

The pool of workers never holds a waiting run.
"""

from local_stack.warm_runs.launcher import WarmRunLauncher
from rag_assets import fresh_first


class FreshFirstCoordinator(fresh_first.FreshFirstCoordinator):
    """Launches a fresh run as soon as it is submitted while a worker waits for it; queues all other runs."""

    def takes_one_now(self) -> bool:
        """Say whether a worker waits for a run."""
        launcher = self._instance.run_launcher
        return isinstance(launcher, WarmRunLauncher) and launcher.is_worker_waiting()
