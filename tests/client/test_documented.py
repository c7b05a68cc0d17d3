"""docs/python-client.md runs as it is written, and names every method."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from rag_client import errors
from tests.client.conftest import Service
from tests.client.test_against_openapi import calls
from tests.queued_answers.conftest import answer_all
from tests.uploads.settling import index_all

pytestmark = pytest.mark.xdist_group("client")  # one service for all of them

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "python-client.md"
FILTER = 'filters={"section": "data"}'
TARGET = 'collection="handbook"'


@pytest.fixture
def working(service: Service) -> Iterator[None]:
    """Index what is uploaded and answer what is queued, as runs and workers do, until the test ends."""
    ended = threading.Event()
    asked: Any = SimpleNamespace(settings=service.settings)

    def work() -> None:
        while not ended.wait(0.05):
            index_all(service.catalog)
            answer_all(asked)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    ended.set()
    thread.join(60)


@pytest.mark.usefixtures("working")
def test_the_page_runs_as_it_is_written(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.md").write_text("Backups are kept for thirty days.")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    written = "\n".join(blocks).replace("http://127.0.0.1:8000", service.url)
    assert written.count(FILTER) == written.count(TARGET) == 1
    written = written.replace(FILTER, 'filters={"team": "platform"}').replace(TARGET, 'collection="papers"')  # as here
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(written, str(PAGE), "exec"), names)  # noqa: S102  # our own page
    names["rag"].close()
    said = capsys.readouterr().out
    assert said.count("thirty days") >= 4
    assert "done Backups" in said
    assert "report.md It is searchable." in said
    assert "There is no document" in said


def test_what_the_page_asks_of_the_handbook_is_there() -> None:
    declared = yaml.safe_load((ROOT / "collections" / "handbook.yaml").read_text(encoding="utf-8"))
    assert "uploads" in declared
    assert "section" in {field["name"] for field in declared["index"]["fields"]}
    samples = (ROOT / "collections" / "samples" / "handbook").glob("*.md")
    assert any("\nsection: data\n" in sample.read_text(encoding="utf-8") for sample in samples)


def test_the_page_names_every_method_and_every_error() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in calls() if f"`{name}`" not in page] == []
    kinds = [name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)]
    assert [name for name in kinds if name not in page] == []
