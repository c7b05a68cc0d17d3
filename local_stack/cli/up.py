"""``rag up``: the story that a person sees while a stack comes up, runs and ends."""

import os
import signal
import time
from pathlib import Path
from types import FrameType

from local_stack.bring_up import alone_in, prepare, start_and_wait
from local_stack.cli.screen import StatusLines, passing_line, progress, say
from local_stack.parts import parts_of
from local_stack.status import stack_status
from local_stack.supervisor import stop_supervisor
from local_stack.supervisor_socket import SupervisorSocket
from rag_core.errors import ConfigurationError
from resources.clients.home import read_stack
from resources.clients.settings import load_settings

LOOK_EVERY_S = 1.0


class EndRequested(BaseException):
    """A person or the system asked this command to end; not an error, so that no handler of errors takes it."""


def run_up(*, detach: bool, with_s3: bool, with_kafka: bool, limit_s: float) -> None:
    """Bring the stack up; stay with it until Ctrl-C or SIGTERM unless ``detach``."""
    os.umask(0o077)  # all that is made here is its owner's alone
    settings = load_settings(with_stack=False)  # a URL from an earlier stack's file would replace a part by itself
    home = settings.home
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, _end_requested)
    try:
        with alone_in(home):
            if SupervisorSocket(home).is_alive():
                _check_same(home, with_s3=with_s3, with_kafka=with_kafka)
                say(f"The stack in {home} is running already.")
                print_addresses(home)
                return
            with passing_line() as show_passing:
                plan = prepare(settings, with_s3=with_s3, with_kafka=with_kafka, say=say, show_passing=show_passing)
            with progress() as watch:
                start_and_wait(plan, ends_with_us=not detach, limit_s=limit_s, watch=watch)
        print_addresses(home)
        if detach:
            say("Running in the background: 'rag status' looks, 'rag down' stops it.")
            return
        say("Ctrl-C stops everything.")
        _follow(home)
    except EndRequested:
        for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(asked, signal.SIG_IGN)  # ending in order is what a second Ctrl-C wants, too
        say("Stopping …")
        stop_supervisor(home)
        say("Stopped.")


def print_addresses(home: Path) -> None:
    """Print where the running parts are reached."""
    for part in parts_of(read_stack(home)):
        if part.url:
            say(f"  {part.name:<18} {part.url}")


def _follow(home: Path) -> None:
    """Say every change of a part's state until the stack is ended, here or by ``rag down`` elsewhere."""
    lines = StatusLines()
    supervisor = SupervisorSocket(home)
    while supervisor.is_alive():
        lines.show(stack_status(home))
        time.sleep(LOOK_EVERY_S)
    stop_supervisor(home)
    say("The stack was stopped.")


def _check_same(home: Path, *, with_s3: bool, with_kafka: bool) -> None:
    stack = read_stack(home)
    there = {part.name for part in parts_of(stack)} | set(stack.get("replaced", {}))
    for name, word, is_asked in (("s3", "S3", with_s3), ("kafka", "Kafka", with_kafka)):
        if is_asked and name not in there:
            raise ConfigurationError(
                f"The stack is running without {word}.", remedy=f"Stop it with 'rag down', then 'rag up --{name}'."
            )


def _end_requested(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise EndRequested
