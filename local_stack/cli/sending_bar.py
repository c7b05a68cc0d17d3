"""How far sending is: a bar where the end is known, a pulse where it is not, and the messages acknowledged."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Show = Callable[[int, int], None]


@contextmanager
def sending_bar(*, show: bool, fraction: Callable[[], float | None] = lambda: None) -> Iterator[Show]:
    """Yield the function that shows messages and bytes acknowledged; ``fraction`` is asked how much there is in all."""
    from rich.console import Console
    from rich.filesize import decimal
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not show or not console.is_terminal:
        yield lambda *_: None
        return
    columns = (
        TextColumn("sending"),
        BarColumn(),
        TextColumn("{task.fields[messages]:,} messages, {task.fields[size]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        task = bars.add_task("sending", total=None, messages=0, size=decimal(0))

        def show_now(messages: int, total_bytes: int) -> None:
            done = fraction()
            if done is not None:
                bars.update(task, total=1.0, completed=done)
            bars.update(task, messages=messages, size=decimal(total_bytes))

        yield show_now
