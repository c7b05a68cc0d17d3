"""The root of the command line, whose commands are loaded when they are asked for."""

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from local_stack.cli.commands import COMMANDS
from local_stack.cli.json_errors import wants_json
from rag_core.errors import InvalidRequest


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


def run(words: list[str]) -> None:
    """Run the command that ``words`` spell; ends with SystemExit.

    Where JSON is asked for, wrong usage is an ``InvalidRequest``: typer would print it for people alone.
    """
    command = typer.main.get_command(app)
    if not wants_json(words):
        command(args=words, prog_name="rag")
    try:
        code = command(args=words, prog_name="rag", standalone_mode=False)
    except typer.Abort:
        sys.exit(1)
    except TyperException as error:
        raise InvalidRequest(f"{error.format_message().rstrip('.')}.", remedy="--help says what there is.") from None
    sys.exit(code if isinstance(code, int) else 0)
