"""A Docker that could not start the stack is told so before it builds anything."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.compose.engine import fault

Docker = Callable[[str, str], None]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """A docker on the PATH that answers by these lines of a shell."""

    def put(engine: str, compose: str) -> None:
        program = tmp_path / "docker"
        program.write_text(f'#!/bin/sh\nif [ "$1" = compose ]; then {compose}; else {engine}; fi\n')
        program.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    return put


@pytest.mark.parametrize("compose", ["2.20.2", "v2.39.1", "2.27.0-desktop.2", "5.1.0", "dev"])
def test_a_docker_that_is_new_enough_is_taken(compose: str, docker: Docker) -> None:
    docker("echo 25.0.0", f"echo {compose}")
    assert fault() is None


@pytest.mark.parametrize(
    ("engine", "compose", "said"),
    [
        ("echo 24.0.9", "echo 2.39.1", "the engine of Docker in version 25.0.0 or newer: it is 24.0.9"),
        ("echo 28.2.2", "echo 2.20.1", "the compose plugin of Docker in version 2.20.2 or newer: it is 2.20.1"),
        ("echo 28.2.2", "exit 1", "Docker's compose plugin 2.20.2 or newer: there is none"),
        ("echo Cannot connect >&2; exit 1", "echo 2.39.1", "does not answer: Cannot connect"),
    ],
)
def test_one_that_is_not_is_told_what_is_missing(engine: str, compose: str, said: str, docker: Docker) -> None:
    docker(engine, compose)
    assert said in str(fault())


def test_no_docker_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no docker" in str(fault())
