"""One world and one browser for all tests of the page."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.browser.chromium import chromium
from tests.browser.page import WIDE, Page
from tests.browser.page_world import PageWorld, page_world


@pytest.fixture(scope="session")
def world() -> Iterator[PageWorld]:
    with tempfile.TemporaryDirectory(prefix="rag-") as folder, page_world(Path(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile"), width=WIDE[0], height=WIDE[1]) as opened:
        yield opened


@pytest.fixture
def page(world: PageWorld, chrome: Chrome) -> Iterator[Page]:
    world.chat.say("Daily database backups are kept for 35 days [1].")
    opened = Page(chrome, world.url)
    opened.open()
    yield opened
    opened.close()
