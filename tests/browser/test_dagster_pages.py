"""What a platform engineer sees in Dagster after the first documents came in.

``RAG_SCREENSHOTS=docs/images`` also keeps the pictures that the README shows.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.chromium import chromium
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("e2e")]

NOTES = {
    "storage/backups.md": "# Backups\n\nDaily backups are kept for 35 days.\n\n# Restores\n\nTested monthly.\n",
    "storage/quotas.md": "# Quotas\n\nEvery team has 500 GB of block storage.\n",
    "network/dns.md": "# Names\n\nInternal names end in corp.example.\n",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("browser")) as running:
        for key, text in NOTES.items():
            running.write(key, text)
        running.wait_settled(NOTES)
        running.wait_for("all runs over", lambda: _runs_over(running))
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile"), width=1500, height=900) as page:
        yield page


def test_the_asset_graph_shows_four_filled_layers_with_passed_checks(stack: Stack, browser: Chrome) -> None:
    text = _open(stack, browser, "/locations/rag_assets/asset-groups/notes", "assets", "100% filled", "2 / 2 Passed")
    assert all(layer in text for layer in ("documents", "chunks", "embeddings", "vectors"))
    assert text.count("100% filled") == 4


def test_a_partition_shows_what_its_run_did_as_numbers(stack: Stack, browser: Chrome) -> None:
    path = "/assets/notes/vectors?view=partitions&partition=000000"
    text = _open(stack, browser, path, "partition", "run_points_written", "Materialized")
    assert "run_points_deleted" in text


def test_a_check_says_what_it_looked_at(stack: Stack, browser: Chrome) -> None:
    text = _open(stack, browser, "/assets/notes/vectors?view=checks", "check", "index_equals_parquet", "Passed")
    assert "looked_at" in text


def test_columns_are_described(stack: Stack, browser: Chrome) -> None:
    text = _open(stack, browser, "/assets/notes/chunks?view=overview", "columns", "embedding_key")
    assert "SHA-256 of everything the encoders see" in text


def _open(stack: Stack, browser: Chrome, path: str, picture: str, *awaited: str) -> str:
    """Open a page, wait for its words, keep a picture, and return all its text."""
    browser.get(f"http://127.0.0.1:{stack.ports['DAGSTER']}{path}")

    def text(page: Chrome) -> str:
        return page.find_element(By.TAG_NAME, "body").text

    WebDriverWait(browser, 60).until(lambda page: all(words in text(page) for words in awaited), f"{awaited} in {path}")
    if folder := os.environ.get("RAG_SCREENSHOTS"):
        browser.save_screenshot(str(Path(folder) / f"{picture}.png"))
    return text(browser)


def _runs_over(stack: Stack) -> bool:
    query = "{ runsOrError { ... on Runs { results { status } } } }"
    states = [run["status"] for run in stack.graphql(query)["runsOrError"]["results"]]
    return bool(states) and all(state == "SUCCESS" for state in states)
