"""``rag up`` says which collection files are left out before it starts anything, and refuses where all of them are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack.bring_up import prepare
from resources.clients.settings import Settings
from tests.local_stack.conftest import Home, new_home
from tests.services.loopback import free_port

_GOOD = "name: notes\nsources:\n  - {name: inbox, url: inbox}\n"


@pytest.fixture
def home() -> Iterator[Home]:
    made = new_home()
    yield made
    made.clear()


def test_a_stack_whose_collection_files_are_all_unusable_does_not_start(home: Home) -> None:
    folder = home.folder.parent / "collections"
    folder.mkdir()
    (folder / "notes.yaml").write_text("name: notes\nsource: []\n")
    home.environment["RAG_PARTS"] = "postgres,api"
    said = home.rag("up", "--detach", expect=1)
    assert "notes.yaml:2: source: unknown field 'source'" in said
    assert "rag collections check" in said
    assert not (home.folder / "stack.json").exists()


def test_a_folder_of_collections_that_is_not_there_is_named_by_its_setting(home: Home) -> None:
    home.environment |= {"RAG_PARTS": "postgres,api", "RAG_COLLECTIONS": str(home.folder.parent / "nowhere")}
    assert "RAG_COLLECTIONS names" in home.rag("up", "--detach", expect=1)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "There is no collection yet"),
        ({"notes": _GOOD, "broken": "name: broken\n"}, "These files are left out"),
        ({"notes": _GOOD}, ""),
    ],
)
def test_what_can_work_is_started_and_what_cannot_is_told(files: dict[str, str], told: str, tmp_path: Path) -> None:
    (tmp_path / "collections").mkdir()
    for name, text in files.items():
        (tmp_path / "collections" / f"{name}.yaml").write_text(text)
    (tmp_path / "home" / "run").mkdir(parents=True)
    settings = Settings(
        home=tmp_path / "home", collections=tmp_path / "collections", api_port=free_port(), parts=("api",)
    )
    lines: list[str] = []
    prepare(settings, with_s3=False, with_kafka=False, say=lines.append, show_passing=lines.append)
    assert any(told in line for line in lines) if told else not lines
