"""``python -m local_stack.dagster_daemon WORKSPACE``: Dagster's daemon, its connections and its code server kept.

The daemon asks its storage some thirty times a second also when nothing happens. Started by Dagster's own command it
connects anew for each question, and PostgreSQL starts a process for each connection; and it starts a code server anew
every minute.
"""

import sys

from local_stack.kept_code_server import code_and_collections, keep_code_server
from local_stack.kept_connections import keep_connections
from resources.clients.settings import load_settings

MOST_CONNECTIONS_BESIDE = 40
"""While several threads ask at once; there are fewer threads."""


def main() -> None:
    """Run the daemon until it is interrupted."""
    from dagster import DagsterInstance
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster._daemon.controller import daemon_controller_from_instance
    from dagster._utils.interrupts import capture_interrupts, setup_interrupt_handlers

    from rag_assets.starting_runs import daemons_of

    settings = load_settings()
    loaded = code_and_collections(settings.collections)
    setup_interrupt_handlers()
    try:
        with capture_interrupts(), DagsterInstance.get() as instance:
            keep_connections(instance, most_beside=MOST_CONNECTIONS_BESIDE)
            target = WorkspaceFileTarget(paths=[sys.argv[1]])
            with daemon_controller_from_instance(
                instance, workspace_load_target=target, gen_daemons=daemons_of, code_server_log_level="warning"
            ) as controller:
                registry = controller._grpc_server_registry  # noqa: SLF001 - no other way leads to it
                if registry is not None and settings.workspace is None:  # when other code changes, we do not know
                    keep_code_server(registry, loaded, lambda: code_and_collections(settings.collections))
                controller.check_daemon_loop()
    except KeyboardInterrupt:
        return  # told to stop: a clean end


if __name__ == "__main__":
    main()
