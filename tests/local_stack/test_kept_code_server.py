"""The daemon's code server: one for as long as its code stays and it answers."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._core.remote_representation.grpc_server_registry import GrpcServerRegistry
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._grpc.server import GrpcServerCommand

from local_stack.kept_code_server import code_and_collections, keep_code_server

ORIGIN = ManagedGrpcPythonEnvCodeLocationOrigin(
    loadable_target_origin=LoadableTargetOrigin(python_file=str(Path(__file__).with_name("one_asset.py"))),
    location_name="one",
)


@pytest.fixture
def registry() -> Iterator[GrpcServerRegistry]:
    with GrpcServerRegistry(
        instance_ref=None,
        server_command=GrpcServerCommand.API_GRPC,
        heartbeat_ttl=60,
        startup_timeout=60,
        wait_for_processes_on_shutdown=True,
    ) as made:
        yield made


def server_of(registry: GrpcServerRegistry) -> Any:
    entry: Any = registry.get_grpc_server_entry(ORIGIN)
    return entry.process


def test_a_code_server_is_replaced_when_its_code_changed_or_it_died_and_else_kept(registry: GrpcServerRegistry) -> None:
    code = ["as it was"]
    keep_code_server(registry, ("as it was",), lambda: tuple(code))
    first = server_of(registry)
    registry.clear_all_grpc_endpoints()
    assert server_of(registry) is first
    code[0] = "edited"
    registry.clear_all_grpc_endpoints()
    second = server_of(registry)
    assert second is not first
    registry.clear_all_grpc_endpoints()
    assert server_of(registry) is second
    os.kill(second.server_process.pid, signal.SIGKILL)
    second.wait()
    registry.clear_all_grpc_endpoints()
    assert not registry._active_entries  # so that whoever asks next gets another


def test_an_old_code_server_is_replaced(registry: GrpcServerRegistry) -> None:
    keep_code_server(registry, None, lambda: None, longest_s=0)
    server_of(registry)
    registry.clear_all_grpc_endpoints()
    assert not registry._active_entries


def test_a_collection_file_that_came_changed_or_went_is_a_change(tmp_path: Path) -> None:
    folder = tmp_path / "collections"
    seen = [code_and_collections(folder)]
    folder.mkdir()
    file = folder / "handbook.yaml"
    for text in ("name: handbook", "name: handbook2"):
        file.write_text(text)
        seen.append(code_and_collections(folder))
    (folder / "notes.txt").write_text("no collection")
    assert code_and_collections(folder) == seen[-1]
    file.unlink()
    assert code_and_collections(folder) == seen[0]
    assert len(set(seen)) == 3
