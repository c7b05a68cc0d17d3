"""What .env says: passwords made once, profiles and their settings kept, and read as Compose reads them."""

import re
import stat
from pathlib import Path

import pytest

from deploy.compose.env_file import add_profiles, main, read_env, write_env
from deploy.compose.smoke import address_of_the_stack

ROOT = Path(__file__).parents[3]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_passwords_are_made_once_for_their_owner_alone(file: Path) -> None:
    assert write_env(file) is True
    made = file.read_text()
    assert re.fullmatch(r"([A-Z0-9_]+=[0-9a-f]{40}\n)+", made)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert write_env(file) is False
    assert file.read_text() == made
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_an_upgrade_keeps_the_profiles_and_their_settings(file: Path) -> None:
    assert main(["kafka"], file=file) == 0
    assert main(["watch", "model"], file=file) == 0
    passwords = {name: value for name, value in read_env(file).items() if name.endswith("PASSWORD")}
    assert main([], file=file) == 0

    assert read_env(file) | {
        "COMPOSE_PROFILES": "kafka,watch,model",
        "RAG_KAFKA": "kafka:9092",
        "RAG_CHAT_URL": "http://ollama:11434/v1",
        "RAG_CHAT_MODEL": "llama3.2:3b",
        "RAG_OTLP_ENDPOINT": "http://jaeger:4318",
    } == read_env(file)
    assert len(passwords) == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [".env"]


def test_what_an_owner_wrote_goes_before_a_profiles_settings(file: Path) -> None:
    file.write_text("# ours\nRAG_CHAT_MODEL=qwen3:4b\nRAG_CHAT_URL=\nAPI_PORT=9000\n")

    add_profiles(file, ["model"])

    assert read_env(file) == {
        "RAG_CHAT_MODEL": "qwen3:4b",
        "API_PORT": "9000",
        "COMPOSE_PROFILES": "model",
        "RAG_CHAT_URL": "http://ollama:11434/v1",
    }
    assert file.read_text().startswith("# ours\n")


def test_a_profile_that_there_is_not_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kafak"], file=file) == 2
    assert "kafka, model, watch" in capsys.readouterr().err
    assert not file.exists()


def test_variables_are_read_as_compose_reads_them(file: Path) -> None:
    file.write_text('export A=1\n# B=2\nC="three # 3"\nD=four # 4\n\nE=a=b\n')
    assert read_env(file) == {"A": "1", "C": "three # 3", "D": "four", "E": "a=b"}


def test_the_stack_is_tried_where_env_publishes_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_PORT", raising=False)
    assert address_of_the_stack(file) == "http://127.0.0.1:8000"
    file.write_text("API_PORT=8123\n")
    assert address_of_the_stack(file) == "http://127.0.0.1:8123"
    monkeypatch.setenv("API_PORT", "8124")
    assert address_of_the_stack(file) == "http://127.0.0.1:8124"
