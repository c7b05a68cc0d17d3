"""The note of the last whole check of deployment holds exactly while its files stay as they are."""

import subprocess
from pathlib import Path

import pytest

from deploy.checked import INPUTS, REPOSITORY, digest, main
from deploy.checked_excerpts import IMAGES, OF_FILES
from tests.deploy.images.containerfile import Containerfile


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


@pytest.mark.parametrize("name", [*INPUTS, *OF_FILES, *(room for rooms in IMAGES.values() for room in rooms)])
def test_every_input_is_there(name: str) -> None:
    assert (REPOSITORY / name).exists()


@pytest.mark.parametrize(
    ("name", "before", "after", "counts"),
    [
        ("requirements/api.txt", "a==1\n    # via b\n", "a==2\n    # via b\n", True),
        ("requirements/api.txt", "a==1\n    # via b\n", "a==1\n    # via c\n", False),
        ("query_api/new.py", "import json\n", "import json\nfrom numpy import array\n", True),
        ("query_api/new.py", "import json\n", 'import json\n"""Words\nfrom somewhere else."""\n', False),
        ("resources/clients/settings.py", "class S:\n    port: int = 1\n", "class S:\n    gate: int = 1\n", True),
        ("resources/clients/settings.py", "class S:\n    port: int = 1\n", "class S:\n    port: int = 2\n", False),
        ("Makefile", "deploy-check: a\n\tx\n\nlint:\n\ty\n", "deploy-check: a\n\tz\n\nlint:\n\ty\n", True),
        ("Makefile", "deploy-check: a\n\tx\n\nlint:\n\ty\n", "deploy-check: a\n\tx\n\nlint:\n\tz\n", False),
        ("sensors/listener.py", "A = 1\n", "A = 2\n", True),
        ("sensors/sweeping.py", "A = 1\n", "A = 2\n", False),
    ],
)
def test_of_other_files_only_what_the_check_rests_on_counts(
    name: str, before: str, after: str, counts: bool, repository: Path
) -> None:
    (repository / name).parent.mkdir(parents=True, exist_ok=True)
    (repository / name).write_text(before)
    first = digest(repository)
    (repository / name).write_text(after)

    assert (digest(repository) != first) is counts


def test_another_command_of_the_wheel_counts_and_another_rule_of_style_does_not() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    excerpt = OF_FILES["pyproject.toml"]

    assert excerpt(text.replace("[project.scripts]", '[project.scripts]\nother = "rag_core:x"')) != excerpt(text)
    assert excerpt(text.replace("line-length = 120", "line-length = 100")) == excerpt(text)


def test_the_rooms_of_an_image_are_those_that_are_copied_into_it() -> None:
    stages = Containerfile.read().stages
    for image, stage in (("api", "rooms"), ("ingestion", "wheel")):
        copied = {source for each in stages[stage].all("COPY") for source in each.split()[:-1]}
        assert set(IMAGES[image]) == copied - {"pyproject.toml", "README.md"}
