"""Dagster's configuration: enough threads that no sensor waits for another's."""

import json
from pathlib import Path

import pytest

from local_stack.dagster_home import dagster_environment, sensor_threads, write_dagster_home
from resources.clients.settings import Settings


def _settings(tmp_path: Path, *, collections: int, sources: int) -> Settings:
    folder = tmp_path / "collections"
    folder.mkdir()
    for number in range(collections):
        declared = "".join(f"  - {{name: source{source}, url: 'inbox{source}'}}\n" for source in range(sources))
        (folder / f"notes{number}.yaml").write_text(f"name: notes{number}\nsources:\n{declared}")
    return Settings(home=tmp_path, collections=folder, database_url="postgresql://x@localhost/x")


@pytest.mark.parametrize(("collections", "sources", "threads"), [(0, 0, 8), (1, 2, 8), (5, 3, 24), (40, 3, 64)])
def test_threads_grow_with_collections_and_sources(
    tmp_path: Path, collections: int, sources: int, threads: int
) -> None:
    settings = _settings(tmp_path, collections=collections, sources=sources)
    assert sensor_threads(settings) == threads
    write_dagster_home(settings, has_run_workers=False)
    written = json.loads((tmp_path / "dagster" / "dagster.yaml").read_text())
    assert written["sensors"] == {"use_threads": True, "num_workers": threads}
    assert int(dagster_environment(settings)["DAGSTER_GRPC_MAX_WORKERS"]) > threads


def test_dagster_knows_the_variable_that_gives_a_code_server_its_threads() -> None:
    from dagster._cli.api import grpc_command

    named = {option.envvar for option in grpc_command.params if "max_workers" in str(option.name)}
    assert "DAGSTER_GRPC_MAX_WORKERS" in named
