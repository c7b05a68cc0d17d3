"""The stack's servers without anything that writes: what a restore works with while the platform is at rest."""

import contextlib
from collections.abc import Callable, Iterator

from local_stack.bring_up import alone_in, prepare, start_and_wait
from local_stack.dagster_home import dagster_home, write_dagster_home
from local_stack.plan import plan_stack
from local_stack.supervisor import stop_supervisor
from local_stack.supervisor_socket import SupervisorSocket
from rag_core.errors import InvalidRequest
from resources.clients.settings import Settings, load_settings

_SERVERS = ("postgres", "qdrant")
_LIMIT_S = 180.0


@contextlib.contextmanager
def servers_only(*, say: Callable[[str], None], with_s3: bool) -> Iterator[Settings]:
    """Start the servers that no URL setting replaces, give the settings with their addresses, and stop them again.

    Raises ``InvalidRequest`` while a stack runs in the home.
    """
    asked = load_settings(with_stack=False)
    home = asked.home
    with alone_in(home):
        if SupervisorSocket(home).is_alive():
            raise InvalidRequest(f"The stack in {home} is running.", remedy="Stop it with 'rag down', then restore.")
        wanted = tuple(name for name in _SERVERS if name != "qdrant" or asked.vectors == "qdrant")
        planned = asked.model_copy(update={"parts": wanted})
        if not plan_stack(planned, with_s3=with_s3).parts:
            yield asked
            return
        plan = prepare(planned, with_s3=with_s3, with_kafka=False, say=say, show_passing=lambda _: None)
        start_and_wait(plan, ends_with_us=True, limit_s=_LIMIT_S, watch=lambda _: None)
        try:
            dagster_home(plan.settings).mkdir(mode=0o700, parents=True, exist_ok=True)
            write_dagster_home(plan.settings, has_run_workers=False)
            yield plan.settings
        finally:
            stop_supervisor(home)
