"""``rag up``: the story that a person sees while a stack comes up, runs and ends."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from local_stack.bring_up import alone_in, prepare, start_and_wait
from local_stack.cli.screen import StatusLines, passing_line, progress, say, say_aside
from local_stack.cli.status import run_status
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


def run_up(*, detach: bool, with_s3: bool, with_kafka: bool, limit_s: float, as_json: bool = False) -> None:
    """Bring the stack up; stay with it until Ctrl-C or SIGTERM unless ``detach``.

    With ``as_json`` standard output gets what ``rag status --json`` says, once everything is ready, and nothing else.
    """
    tell = say_aside if as_json else say
    os.umask(0o077)  # all that is made here is its owner's alone
    settings = load_settings(with_stack=False)  # a URL from an earlier stack's file would replace a part by itself
    home = settings.home
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, _end_requested)
    try:
        with alone_in(home):
            if SupervisorSocket(home).is_alive():
                _check_same(home, with_s3=with_s3, with_kafka=with_kafka)
                tell(f"The stack in {home} is running already.")
                _show(home, as_json=as_json)
                return
            with passing_line(aside=as_json) as show_passing:
                plan = prepare(settings, with_s3=with_s3, with_kafka=with_kafka, say=tell, show_passing=show_passing)
            with progress(aside=as_json) as watch:
                start_and_wait(plan, ends_with_us=not detach, limit_s=limit_s, watch=watch)
        _show(home, as_json=as_json)
        if detach:
            tell("Running in the background: 'rag status' looks, 'rag down' stops it.")
            return
        tell("Ctrl-C stops everything.")
        _follow(home, tell)
    except EndRequested:
        for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(asked, signal.SIG_IGN)  # ending in order is what a second Ctrl-C wants, too
        tell("Stopping …")
        stop_supervisor(home)
        tell("Stopped.")


def _show(home: Path, *, as_json: bool) -> None:
    """Print where the running parts are reached."""
    if as_json:
        run_status(as_json=True)
        return
    for part in parts_of(read_stack(home)):
        if part.url:
            say(f"  {part.name:<18} {part.url}")


def _follow(home: Path, tell: Callable[[str], None]) -> None:
    """Say every change of a part's state until the stack is ended, here or by ``rag down`` elsewhere."""
    lines = StatusLines(tell)
    supervisor = SupervisorSocket(home)
    while supervisor.is_alive():
        lines.show(stack_status(home))
        time.sleep(LOOK_EVERY_S)
    stop_supervisor(home)
    tell("The stack was stopped.")


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
