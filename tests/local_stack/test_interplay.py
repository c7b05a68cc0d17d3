"""Commands given at the same time."""

import subprocess

from local_stack.members import members
from tests.local_stack.conftest import Home
from tests.services.loopback import wait_until


def test_down_during_up_ends_both(home: Home) -> None:
    with home.start("up", "--detach") as command:
        wait_until(lambda: bool(members(home.folder)) or command.poll() is not None, what="the supervisor")
        home.rag("down")
        said, _ = command.communicate(timeout=60)
    assert command.returncode in (0, 1), said  # it was ready before, or it says that it was stopped
    assert "Traceback" not in said
    assert not members(home.folder)


def test_two_ups_at_once_start_one_stack(home: Home) -> None:
    commands = [home.start("up", "--detach") for _ in range(2)]
    said = [_said(command) for command in commands]
    assert [command.returncode for command in commands] == [0, 0], said
    assert sum("running already" in each for each in said) == 1
    home.rag("status")


def _said(command: subprocess.Popen[str]) -> str:
    with command:
        return command.communicate(timeout=120)[0]


def test_a_code_location_that_does_not_load_ends_the_start_with_its_error(home: Home) -> None:
    broken = home.folder.parent / "broken"
    broken.with_suffix(".py").write_text("import no_such_module_anywhere\n")
    broken.with_suffix(".yaml").write_text("load_from:\n  - python_file: broken.py\n")
    home.environment |= {"RAG_PARTS": "postgres,dagster-webserver", "RAG_WORKSPACE": str(broken.with_suffix(".yaml"))}
    assert "no_such_module_anywhere" in home.rag("up", "--detach", expect=1)
    assert not members(home.folder)
