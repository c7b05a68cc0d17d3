"""``rag up``, ``down``, ``status`` and ``logs``."""

from pathlib import Path
from typing import Annotated

import typer

from rag_core.errors import InvalidRequest
from resources.clients.home import rag_home

app = typer.Typer()

Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")]
S3 = Annotated[bool, typer.Option("--s3", help="Start an S3 server (SeaweedFS), too.")]
Kafka = Annotated[bool, typer.Option("--kafka", help="Start an Apache Kafka broker, too (needs Java and Maven).")]
Timeout = Annotated[int, typer.Option(help="Seconds within which every part must be ready.", min=1, max=3600)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
UpJson = Annotated[bool, typer.Option("--json", help="Print what 'rag status --json' does once everything is ready.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on as the log grows.")]
Lines = Annotated[int, typer.Option("--lines", "-n", help="How many lines back.", min=0, max=100_000)]


@app.command()
def up(
    *, detach: Detach = False, s3: S3 = False, kafka: Kafka = False, timeout: Timeout = 180, as_json: UpJson = False
) -> None:
    """Start the stack, wait until it is ready, and stay with it until Ctrl-C."""
    from local_stack.cli.up import run_up

    run_up(detach=detach, with_s3=s3, with_kafka=kafka, limit_s=timeout, as_json=as_json)


@app.command()
def down() -> None:
    """Stop the stack and return when its last process is gone."""
    from local_stack.supervisor import stop_supervisor

    home = rag_home()
    typer.echo("Stopped." if stop_supervisor(home) else f"No stack runs in {home}.")


@app.command()
def status(*, as_json: Json = False) -> None:
    """Show each part: its state, how long it has run, how often it was restarted. Exit code 1 unless all run."""
    from local_stack.cli.status import run_status

    raise typer.Exit(run_status(as_json=as_json))


@app.command()
def logs(name: str, *, follow: Follow = False, lines: Lines = 50) -> None:
    """Print the end of a part's log; NAME is a part, or 'supervisor'."""
    from local_stack.log_reading import follow_log, last_lines

    folder = rag_home() / "logs"
    known = sorted(path.stem for path in folder.glob("*.log"))
    if name not in known:
        raise InvalidRequest(f"There is no log of {name!r}.", remedy=f"There are: {', '.join(known) or 'none yet'}.")
    path = Path(folder / f"{name}.log")
    text, end = last_lines(path, lines)
    typer.echo(text, nl=False)
    if follow:
        for more in follow_log(path, after=end):
            typer.echo(more, nl=False)
