"""The ``rag`` command. A new command is one line in ``COMMANDS``; its module is loaded only when it is typed."""

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from rag_core.errors import InvalidRequest, RagError

COMMANDS = {
    "up": "stack_commands",
    "down": "stack_commands",
    "status": "stack_commands",
    "logs": "stack_commands",
}
"""Command → the module of this package whose typer ``app`` has it, in the order of the help page."""


class LazyCommands(TyperGroup):
    """A command group that loads a command's module when the command is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return every command's name without loading any."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command, or None for a name that is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"local_stack.cli.{COMMANDS[cmd_name]}")
        return typer.main.get_group(module.app).commands[cmd_name]


app = typer.Typer(cls=LazyCommands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def rag(debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error.")) -> None:  # noqa: FBT001, FBT003 - typer reads options off the signature
    """From documents to cited answers, through Dagster."""
    del debug  # main() looks for it, so that errors of option parsing are covered, too


def main() -> None:
    """Run the command line: errors are one red line with the next step; exit code 2 for usage, 1 for failure."""
    try:
        typer.main.get_command(app)()
    except RagError as error:
        if "--debug" in sys.argv:
            raise
        _say_error(error.message, error.remedy)
        sys.exit(2 if isinstance(error, InvalidRequest) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # a defect: still no traceback unless asked for
        if "--debug" in sys.argv:
            raise
        _say_error(f"{type(error).__name__}: {error}", "'rag --debug …' shows where.")
        sys.exit(1)


def _say_error(message: str, remedy: str) -> None:
    typer.secho(" ".join(f"Error: {message}".split()), fg="red", err=True, nl=False)
    typer.echo(f" {remedy}" if remedy else "", err=True)
