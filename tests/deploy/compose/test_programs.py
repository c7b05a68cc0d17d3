"""The compose file's own programs, started as it says, beside real servers: migrated, healthy, answering, restored."""

import json
import re
from pathlib import Path

import httpx
import pytest

from deploy.compose.smoke import smoke
from local_stack.postgres import SUPERUSER
from tests.deploy.compose.programs import LISTENS, ORDER, Programs
from tests.deploy.compose.test_consistency import FOLDER, OURS, SERVICES
from tests.qdrant.server import EdgeServer
from tests.services.loopback import free_ports
from tests.services.postgres import PASSWORD, PostgresServer
from tests.services.seaweed import SeaweedServer


@pytest.mark.deploy
def test_all_become_healthy_an_upload_is_answered_from_and_a_backup_restores_it(tmp_path: Path) -> None:
    assert set(ORDER) == {name for name in OURS if "profiles" not in SERVICES[name]}
    with PostgresServer() as postgres, EdgeServer() as qdrant, SeaweedServer() as s3:
        dagster = postgres.create_database().rpartition("/")[2]
        ports = dict(zip(LISTENS, free_ports(len(LISTENS)), strict=True))
        addresses = (
            {"//rag:": f"//{SUPERUSER}:"}
            | {f"{name}:{LISTENS[name]}": f"127.0.0.1:{port}" for name, port in ports.items()}
            | {
                "postgres:5432/dagster": f"127.0.0.1:{postgres.port}/{dagster}",
                "postgres:5432": f"127.0.0.1:{postgres.port}",
                "qdrant:6333": qdrant.url.removeprefix("http://"),
                "seaweedfs:8333": s3.endpoint.removeprefix("http://"),
            }
        )
        variables = {
            "POSTGRES_PASSWORD": PASSWORD,
            "QDRANT_API_KEY": "unused",
            "S3_ACCESS_KEY_ID": s3.access_key,
            "S3_SECRET_ACCESS_KEY": s3.secret_key,
        }
        programs = Programs(tmp_path, addresses=addresses, variables=variables)
        try:
            assert "up to date" in programs.run("migrations")
            for name in ORDER[1:]:
                programs.start(name)
            scopes = ["--scope", "read", "--scope", "ingest", "--collection", "handbook"]
            made = programs.run("code", ["rag", "keys", "create", "tried", *scopes, "--json"])
            answer = smoke(f"http://127.0.0.1:{ports['query-api']}", json.loads(made)["key"])
            assert programs.run("metrics-key") == ""
            key = (tmp_path / "prometheus.key").read_text()
            asked = {"authorization": f"Bearer {key}"}
            metrics = httpx.get(f"http://127.0.0.1:{ports['query-api']}/metrics", headers=asked, timeout=30)
            backed_up = programs.run("code", ["rag", "backup", str(tmp_path / "backup")])
        finally:
            programs.stop()
        restored = programs.run("code", ["rag", "restore", str(tmp_path / "backup"), "--yes"])
    assert "Tuesdays at nine" in answer
    assert 'rag_documents{collection="handbook",state="indexed"} 1.0' in metrics.text
    assert backed_up.startswith("Backup ")
    assert "1 documents" in restored
    assert "handbook: clean" in restored


def test_backup_and_restore_are_written_down_as_commands_of_this_file() -> None:
    page = (FOLDER.parents[1] / "docs" / "running-on-compose.md").read_text()
    for verb in ("backup", "restore"):
        found = re.search(rf"compose.yaml run --rm [^\n]*?-v /\S+?:(/[a-z]+)(?::ro)? code rag {verb} (\S+)\n", page)
        assert found is not None, verb
        assert found[1] == found[2], "what is mounted is what is named"
