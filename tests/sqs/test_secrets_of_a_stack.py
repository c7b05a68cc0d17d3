"""A stack whose settings name secrets of AWS: its file holds the names, its parts get what they stand for."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local_stack.plan import Plan, plan_stack
from resources.clients.home import stack_file
from resources.clients.settings import load_settings
from tests.sqs.conftest import Aws

URL, KEY, CHAT = "postgresql://u:hidden-word@db.example/rag", "hidden-s3-key", "hidden-chat-key"
SHOWN = ("DAGSTER_POSTGRES_URL", "RAG_DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "RAG_CHAT_API_KEY", "AWS_ENDPOINT_URL")


@pytest.fixture
def plan(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """A stack beside a database and an S3 server of somebody else's, written down in its home."""
    client = aws.of("secretsmanager")
    name = f"stack-{tmp_path.name}"
    client.create_secret(Name=name, SecretString=json.dumps({"url": URL, "s3": KEY, "chat": CHAT}))
    given = {
        "HOME": str(tmp_path),
        "DATABASE_URL": f"aws-secret:{name}#url",
        "CHAT_API_KEY": f"aws-secret:{name}#chat",
        "S3_ENDPOINT": "http://127.0.0.1:9",
        "S3_ACCESS_KEY_ID": "shown",
        "S3_SECRET_ACCESS_KEY": f"aws-secret:{name}#s3",
    }
    for setting, value in given.items():
        monkeypatch.setenv(f"RAG_{setting}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.endpoint)
    made = plan_stack(load_settings(with_stack=False), with_s3=False)
    stack_file(tmp_path).write_text(json.dumps(made.to_json()))
    return made


def test_the_file_of_a_stack_holds_no_secret_that_it_was_given_by_name(plan: Plan, tmp_path: Path) -> None:
    assert plan.settings.database_url == URL
    written = stack_file(tmp_path).read_text()
    assert "hidden" not in written
    assert "aws-secret:" in written


def test_another_shell_reads_the_secrets_that_the_file_names(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("RAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAG_HOME", str(tmp_path))
    settings = load_settings()
    assert (settings.database_url, settings.s3_secret_access_key) == (URL, KEY)


def test_a_part_is_given_at_its_start_what_the_secrets_say(plan: Plan, tmp_path: Path) -> None:
    (daemon,) = [part for part in plan.parts if part.name == "dagster-daemon"]
    assert "hidden-word" in daemon.environment["DAGSTER_POSTGRES_URL"]
    shows = f"import json, os; print(json.dumps({{name: os.environ[name] for name in {SHOWN}}}))"
    showing = replace(daemon, command=(sys.executable, "-c", shows), needs=())
    stack_file(tmp_path).write_text(json.dumps(replace(plan, parts=(showing,)).to_json()))
    (tmp_path / "run").mkdir()

    done = subprocess.run(
        [sys.executable, "-P", "-m", "local_stack.run_part", "dagster-daemon"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "DAGSTER_POSTGRES_URL": daemon.environment["DAGSTER_POSTGRES_URL"],
        "RAG_DATABASE_URL": URL,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "RAG_CHAT_API_KEY": CHAT,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
