"""The note of the last whole check of deployment holds exactly while its files stay as they are."""

import subprocess
from pathlib import Path

import pytest

from deploy.checked import INPUTS, REPOSITORY, digest, main


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one input and one other file."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)  # noqa: S607 - git's place differs
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "chart.yaml").write_text("name: a\n")
    (tmp_path / "README.md").write_text("read me\n")
    return tmp_path


def test_nothing_noted_is_changed(repository: Path) -> None:
    assert main(["compare"], repository=repository) == 1


def test_what_was_checked_is_unchanged(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["write", digest(repository)], repository=repository) == 0
    assert main(["compare"], repository=repository) == 0
    assert "unchanged since" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("name", ["deploy/chart.yaml", "deploy/new.yaml", "terraform/main.tf"])
def test_a_changed_or_new_input_is_noticed(repository: Path, name: str) -> None:
    main(["write", digest(repository)], repository=repository)
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text("name: b\n")

    assert main(["compare"], repository=repository) == 1


def test_a_removed_input_is_noticed(repository: Path) -> None:
    main(["write", digest(repository)], repository=repository)
    (repository / "deploy" / "chart.yaml").unlink()

    assert main(["compare"], repository=repository) == 1


@pytest.mark.parametrize("name", ["README.md", "deploy/__pycache__/x.pyc"])
def test_other_files_do_not_count(repository: Path, name: str) -> None:
    main(["write", digest(repository)], repository=repository)
    (repository / name).parent.mkdir(exist_ok=True)
    (repository / name).write_text("other\n")

    assert main(["compare"], repository=repository) == 0


def test_what_changed_while_it_was_checked_is_not_noted(repository: Path) -> None:
    before = digest(repository)
    (repository / "deploy" / "chart.yaml").write_text("name: b\n")

    assert main(["write", before], repository=repository) == 1
    assert not (repository / "deploy" / "checked.json").exists()


@pytest.mark.parametrize("name", INPUTS)
def test_every_input_is_there(name: str) -> None:
    assert (REPOSITORY / name).exists()
