"""The compose file against the specification's own schema, which comes with its Go library."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

from deploy.tools.go_toolchain import find_go
from tests.deploy.compose.test_consistency import COMPOSE
from tests.deploy.tools import installed

MODULE, VERSION = "github.com/compose-spec/compose-go/v2", "v2.16.2"

pytestmark = pytest.mark.deploy


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    installed("go", by="https://go.dev/dl")
    go = find_go()
    folder = tmp_path_factory.mktemp("module")
    (folder / "go.mod").write_text("module local/schema\n")
    fetched = subprocess.run(
        [go.command, "mod", "download", "-json", f"{MODULE}@{VERSION}"],
        cwd=folder,
        env=go.environment(folder),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return json.loads((Path(json.loads(fetched.stdout)["Dir"]) / "schema/compose-spec.json").read_text())


def faults(document: Any, schema: dict[str, Any]) -> list[str]:
    validator = validator_for(schema)(schema)
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(document)]


def test_the_file_keeps_to_the_specification(schema: dict[str, Any]) -> None:
    assert faults(COMPOSE, schema) == []


def test_a_misspelt_key_is_found(schema: dict[str, Any]) -> None:
    wrong = yaml.safe_load(yaml.safe_dump(COMPOSE))
    wrong["services"]["qdrant"]["mem_limits"] = "2g"
    assert len(faults(wrong, schema)) == 1
