"""The command as a person types it, in the test's own process."""

import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from local_stack.cli.main import main


class Ran(NamedTuple):
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Rag = Callable[..., Ran]


def in_this_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Rag:
    """Return what runs ``rag`` with the given words, in the environment as it is then."""

    def run(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["rag", *words])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Ran(code=code, out=captured.out, err=captured.err)

    return run
