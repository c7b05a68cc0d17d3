"""One worker process: opens what a run needs, waits for one run, executes it, exits.

1. See to the runs of workers that died: they fail with the reason, and Dagster's retries take over.
2. Open the instance, and what the first seconds of a run would be spent on.
3. Wait. If the code on disk is no longer the imported one, leave without taking anything: the pool starts anew.
4. Take a run: write the record first, answer then, begin last. A launcher that heard nothing asks another worker.
5. Execute it as ``dagster api execute_run`` does; drop the record.
"""

import logging
import os
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_stack.kept_connections import keep_connections
from local_stack.warm_runs.code_state import CodeState
from local_stack.warm_runs.handing_over import answer_taken, received_run
from local_stack.warm_runs.records import RunRecords
from rag_core.errors import RagError

if TYPE_CHECKING:
    from dagster import DagsterInstance

_log = logging.getLogger("rag.run-workers")
DIED = "The worker process of this run died."


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a worker gets from the pool: where runs come from, and how to say what it does.

    ``lifeline`` is a pipe that nobody writes to; it ends with the pool, or when the pool imports changed code.
    """

    listener: socket.socket
    lifeline: int
    records: RunRecords
    code: CodeState
    say_ready: Callable[[], None]
    say_busy: Callable[[], None]

    def serve(self) -> None:
        """Live the life of a worker."""
        from dagster import DagsterInstance

        with DagsterInstance.get() as instance:
            # Otherwise every event opens a connection of its own: 60 of them in a small run.
            keep_connections(instance, most_beside=4)
            self._bury(instance)
            prepare_work()
            self.say_ready()
            run_id = self._next_run()
            if run_id is not None:
                reconnect(instance, run_id)
                execute(instance, run_id)
                self.records.drop(run_id)

    def bury_the_dead(self) -> None:
        """Fail the runs whose workers died, so that nothing waits for them."""
        from dagster import DagsterInstance

        with DagsterInstance.get() as instance:
            self._bury(instance)

    def _bury(self, instance: "DagsterInstance") -> None:
        with self.records.left_behind() as run_ids:
            for run_id in run_ids:
                run = instance.get_run_by_id(run_id)
                if run is not None and not run.is_finished:
                    _log.warning("run %s: its worker died", run_id)
                    instance.report_run_failed(run, DIED)
                self.records.drop(run_id)

    def _next_run(self) -> str | None:
        """Wait for a run and take it; None when the pool has ended or must start anew."""
        while True:
            ready, _, _ = select.select([self.listener, self.lifeline], [], [])
            if self.lifeline in ready or CodeState.now() != self.code:
                return None
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                continue  # another worker was quicker
            with connection:
                run_id = received_run(connection)
                if run_id is None:
                    continue
                self.say_busy()
                if not self.records.take(run_id):
                    answer_taken(connection)  # it runs already: a launcher asked twice
                    self.say_ready()
                elif answer_taken(connection):
                    return run_id
                else:
                    self.records.drop(run_id)
                    self.say_ready()


def execute(instance: "DagsterInstance", run_id: str) -> None:
    """Execute a run to its end, whatever that is; SIGTERM interrupts it in order."""
    from dagster._cli.api import _execute_run_command_body
    from dagster._utils.interrupts import capture_interrupts, setup_interrupt_handlers

    signal.signal(signal.SIGINT, signal.default_int_handler)
    setup_interrupt_handlers()
    with capture_interrupts():
        _execute_run_command_body(run_id, instance, lambda _: None, set_exit_code_on_failure=False)


def reconnect(instance: "DagsterInstance", run_id: str) -> None:
    """Let each storage notice that its connection has died while the worker waited; the next one is then new."""
    for ask in (lambda: instance.get_run_by_id(run_id), instance.event_log_storage.get_maximum_record_id):
        try:
            ask()
        except Exception as error:  # noqa: BLE001 - the run's own first query says it again if the database is away
            _log.info("connecting anew: %s", type(error).__name__)


def prepare_work() -> None:
    """Open what the first seconds of a run would be spent on; what fails here is left to the run."""
    from resources import opened_ahead
    from resources.clients.settings import load_settings

    try:
        opened_ahead.open_ahead(load_settings())
    except RagError as error:
        _log.warning("nothing is opened ahead: %s", error)


def become_worker(work: Callable[[], None], *, end: Callable[[int], None] = os._exit) -> None:
    """Do the work, and end this forked process without the clean-up that belongs to its parent."""
    from resources import opened_ahead

    code = 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        work()
        code = 0
    except KeyboardInterrupt:
        code = 0
    except BaseException:  # noqa: BLE001 - nothing may pass into the code of the parent it was forked from
        _log.exception("a run worker ends")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        opened_ahead.close_kept()
        logging.shutdown()
        end(code)
