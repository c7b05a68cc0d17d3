"""``python -m local_stack.run_part NAME``: become one part of the stack, after what it has to wait for.

The supervisor starts this program at once whenever the part died; what a part needs, and the growing delay of one
that dies again and again, are waited for here. Then the process becomes the part itself (``exec``): same pid, no
wrapper left.

1. Die with the supervisor, from the first moment on.
2. Remember the death, then the delay: a crash loop must not eat the machine.
3. Wait until everything the part needs answers.
4. Write down the start *before* exec: a part that dies at once is counted.
"""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from local_stack.answers import answers
from local_stack.parent_death import end_with_parent
from local_stack.parts import Part, parts_of
from local_stack.run_state import RunState, read_state, write_state
from resources.clients.home import rag_home, read_stack

LOOK_EVERY_S = 0.2


def main() -> None:
    """Start the part that the command line names; does not return."""
    name, home, supervisor = sys.argv[1], rag_home(), os.getppid()
    parts = {part.name: part for part in parts_of(read_stack(home))}
    if name not in parts:
        sys.exit(f"{name} is not a part of the stack in {home}")
    part = parts[name]
    end_with_parent(signal.SIGTERM, parent=supervisor)
    state = replace(read_state(home, name).after_death(now=time.time()), pid=os.getpid())
    _sit_out_the_delay(home, name, state)
    _wait_for(home, part, [parts[need] for need in part.needs], state)
    write_state(home, name, replace(state, phase="started", since=time.time()))
    _become(part, supervisor)


def _sit_out_the_delay(home: Path, name: str, state: RunState) -> None:
    if state.delay_s:
        now = time.time()
        _say(f"{name} died; starting it again in {state.delay_s:.0f} s (restart {state.restarts})")
        write_state(home, name, replace(state, phase="delayed", since=now, next_start_at=now + state.delay_s))
        time.sleep(state.delay_s)


def _wait_for(home: Path, part: Part, needed: list[Part], state: RunState) -> None:
    said: tuple[str, ...] = ()
    while missing := tuple(need.name for need in needed if not answers(need)):
        if missing != said:
            _say(f"{part.name} waits for {', '.join(missing)}")
            write_state(home, part.name, replace(state, phase="waiting", since=time.time(), waits_for=missing))
            said = missing
        time.sleep(LOOK_EVERY_S)


def _become(part: Part, supervisor: int) -> None:
    if part.name == "postgres":
        from local_stack.postgres import clear_stale_lock, open_ways

        data = Path(str(part.folder))
        clear_stale_lock(data)
        if os.geteuid() == 0:
            open_ways(data)
    if part.folder is not None:
        os.chdir(part.folder)
    environment = dict(part.environment)
    if part.inherits_environment:
        environment = {**os.environ, **environment}
    if part.made_at_start:
        from local_stack.secret_settings import made_at_start

        environment |= made_at_start(part)
    environment |= {name: os.environ[name] for name in ("RAG_STACK_MEMBER",) if name in os.environ}
    if part.runs_under_server_account:
        from local_stack.server_account import server_account

        if account := server_account():
            account.become()
    end_with_parent(signal.Signals[f"SIG{part.stop_signal}"], parent=supervisor)
    os.execve(part.command[0], list(part.command), environment)  # noqa: S606 - an argument list of our own, no shell


def _say(line: str) -> None:
    sys.stdout.write(f"[rag] {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
