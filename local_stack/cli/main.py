"""The ``rag`` command: one red line for an error, exit code 2 for wrong usage and 1 for failure.

With ``--json`` the error is on standard output, too, as a problem in the shape of the API's.

Its commands are listed in ``commands.py``.
"""

import os
import sys

from rag_core.errors import InvalidRequest, RagError


def main() -> None:
    """Run the command line; an error shows its traceback only after ``rag --debug``."""
    words = sys.argv[1:]
    debug = "--debug" in words[:1]
    try:
        if words in (["status"], ["status", "--json"]):  # asked often, so answered without loading typer
            from local_stack.cli.status import run_status

            sys.exit(run_status(as_json="--json" in words))
        from local_stack.cli.root import run

        run(words)
    except RagError as error:
        if debug:
            raise
        _say_error(error, error.message, error.remedy)
        sys.exit(2 if isinstance(error, InvalidRequest) else 1)
    except (KeyboardInterrupt, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader is gone: nothing more to flush to it
        sys.exit(130)
    except Exception as error:  # the outermost frame: a defect is still no traceback unless asked for
        if debug:
            raise
        _say_error(error, f"{type(error).__name__}: {error}", "'rag --debug …' shows where.")
        sys.exit(1)


def _say_error(error: Exception, message: str, remedy: str) -> None:
    from local_stack.cli.json_errors import print_problem, wants_json

    if wants_json(sys.argv[1:]):
        print_problem(error)
    text = " ".join(f"Error: {message}".split())
    red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    sys.stderr.write(f"{red}{text}{plain} {remedy}".rstrip() + "\n")
