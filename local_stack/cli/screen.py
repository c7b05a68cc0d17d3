"""How the stack is shown: a live table on a terminal, plain lines elsewhere."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from local_stack.status import PartStatus

if TYPE_CHECKING:
    from local_stack.bring_up import Readiness


def say(line: str) -> None:
    """Print one line."""
    Console(soft_wrap=True, highlight=False, markup=False).print(line)


def say_aside(line: str) -> None:
    """Print one line on standard error, where standard output is for a program."""
    Console(soft_wrap=True, highlight=False, markup=False, stderr=True).print(line)


@contextlib.contextmanager
def progress(*, aside: bool) -> Iterator[Callable[[list["Readiness"]], None]]:
    """Yield the function that shows how far each part is; ``aside`` on standard error."""
    console = Console(highlight=False, stderr=aside)
    if not console.is_terminal:
        yield _ReadyLines(say_aside if aside else say).show
        return
    from rich.live import Live

    with Live(console=console, refresh_per_second=8) as live:
        yield lambda lines: live.update(_progress_table(lines))


@contextlib.contextmanager
def passing_line(*, aside: bool) -> Iterator[Callable[[str], None]]:
    """Yield the function that shows a line until the next takes its place, an empty one none; silent off a terminal."""
    console = Console(highlight=False, markup=False, stderr=aside)
    if not console.is_terminal:
        yield _show_nothing
        return
    from rich.text import Text

    status = console.status("")

    def show(line: str) -> None:
        status.update(Text(line))
        if line:
            status.start()
        else:
            status.stop()

    try:
        yield show
    finally:
        status.stop()


class StatusLines:
    """Says what changed since it was shown last."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._last: dict[str, tuple[str, int]] = {}

    def show(self, parts: Sequence[PartStatus]) -> None:
        """Print a line for each part whose state or number of restarts differs from the last time."""
        for part in parts:
            now = (part.state, part.restarts)
            if self._last.get(part.name, ("running", 0)) != now and part.state != "external":
                self._tell(f"  {part.name}: {part.state}" + (f" ({part.detail})" if part.detail else ""))
            self._last[part.name] = now


class _ReadyLines:
    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._said: set[str] = set()

    def show(self, lines: list["Readiness"]) -> None:
        for line in lines:
            if line.after_s is not None and line.name not in self._said:
                self._said.add(line.name)
                self._tell(f"  {line.name} is ready ({line.after_s:.1f} s)")


def _show_nothing(line: str) -> None:
    del line


def _progress_table(lines: list["Readiness"]) -> Table:
    from rich.spinner import Spinner
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for line in lines:
        if line.after_s is None:
            missing = Text(line.missing, style="yellow", no_wrap=True, overflow="ellipsis")
            table.add_row(Spinner("dots"), line.name, missing)
        else:
            table.add_row(Text("✓", style="green"), line.name, Text(f"ready in {line.after_s:.1f} s", style="dim"))
    return table
