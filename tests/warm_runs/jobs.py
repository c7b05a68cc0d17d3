"""Jobs that a worker runs in the tests; they are imported by the worker, and by nobody before it."""

import os
import time
from pathlib import Path

import dagster as dg


@dg.op
def say_who(context: dg.OpExecutionContext) -> None:
    """Say which process this is."""
    context.log.info("pid %d", os.getpid())


@dg.op(config_schema={"started": str, "go_on": str})
def wait_for_file(context: dg.OpExecutionContext) -> None:
    """Say that it has begun, then go on when a file appears."""
    Path(context.op_config["started"]).write_text(str(os.getpid()))
    while not Path(context.op_config["go_on"]).exists():
        time.sleep(0.05)


@dg.op
def fail() -> None:
    """Fail as a user's code does."""
    raise ValueError("as the test wants it")


@dg.job(executor_def=dg.in_process_executor)
def quick() -> None:
    """A run that ends at once."""
    say_who()


@dg.job(executor_def=dg.in_process_executor)
def waiting() -> None:
    """A run that ends when it is told to."""
    wait_for_file()


@dg.job(executor_def=dg.in_process_executor)
def failing() -> None:
    """A run that fails."""
    fail()
