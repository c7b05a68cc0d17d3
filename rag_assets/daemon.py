"""``python -m rag_assets.daemon WORKSPACE``: Dagster's daemon, with the part that looks after starting runs."""

import sys

from rag_assets.starting_runs import daemons_of


def main() -> None:
    """Run the daemon until it is told to end."""
    from dagster import DagsterInstance
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster._daemon.controller import daemon_controller_from_instance
    from dagster._utils.interrupts import capture_interrupts, setup_interrupt_handlers

    setup_interrupt_handlers()
    target = WorkspaceFileTarget(paths=[sys.argv[1]])
    try:
        with (
            capture_interrupts(),
            DagsterInstance.get() as instance,
            daemon_controller_from_instance(
                instance, workspace_load_target=target, gen_daemons=daemons_of, code_server_log_level="warning"
            ) as controller,
        ):
            controller.check_daemon_loop()
    except KeyboardInterrupt:
        return  # told to stop: a clean end


if __name__ == "__main__":
    main()
