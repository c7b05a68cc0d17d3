"""The page at ``/`` as people use it: questions, sources, uploads, health, keys, and documents that mean harm."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.support.ui import Select

from rag_core.callers import Scope
from tests.browser.page import BOTH, FOREIGN, QUESTION, Page
from tests.browser.page_world import BROKEN_PDF, NOTES, PageWorld

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page")]

ATTACK = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
HOSTILE = f"""---
title: "Zebra {ATTACK}"
---

# Zebra `{ATTACK}`

The zebra policy of the company is `{ATTACK}` and nothing else; zebras are counted every year.
"""
HOSTILE_PDF = "<img src=x onerror='window.hacked = 1'>.pdf"


def test_an_answer_is_seen_while_it_is_written(world: PageWorld, page: Page) -> None:
    world.chat.say("Daily database backups ", "are kept for 35 days [", "1].", hold_after=1)
    page.ask(QUESTION)
    page.says("Daily database backups", "#answer-text")
    assert page.find("#answer-text").get_attribute("aria-busy") == "true"
    assert "is being written" in page.find("#ask-status").text
    assert not page.all(".cite")
    world.chat.release()
    said = page.answered()
    assert page.find("#answer-text").get_attribute("aria-busy") == "false"
    assert "Written by tiny" in said
    assert page.find("#ask-status").text == "Answered with 1 source."


def test_an_answer_that_is_being_written_can_be_stopped(world: PageWorld, page: Page) -> None:
    world.chat.say("Daily database backups ", "are kept for 35 days [1].", hold_after=1)
    left = world.chat.left
    page.ask(QUESTION)
    page.says("Daily database backups", "#answer-text")
    page.find("#stop").click()
    page.says("Stopped.", "#ask-status")
    page.waits(lambda: world.chat.left == left + 1, "the model to be left alone")


def test_a_citation_opens_at_its_place_in_the_document(world: PageWorld, page: Page) -> None:
    page.ask(BOTH, by="extractive")
    assert "Quoted word for word" in page.answered()
    first, second = page.all(".cite")
    first.click()
    page.says("Parts ", "#source")
    assert "Disaster recovery plan" in page.find("#source-title").text
    assert page.find("#source .place").text == "page 1 · Disaster recovery plan"
    assert "loss of a whole region" in page.find("#source mark").text
    assert [each.get_attribute("aria-current") for each in page.all(".citation")] == ["true", None]
    second.click()
    page.says("Backups and restore", "#source-title")
    page.says("Parts ", "#source")
    quoted = page.find("#source mark").text
    assert "two hours" in quoted
    assert quoted in page.find("#answer-text").text
    document = " ".join((world.corpus.folder / "backups-and-restore.md").read_text().split())
    assert all(" ".join(near.text.split())[:25] in document for near in page.all("#source .near"))
    run = page.find("#source .facts a")
    assert (run.get_attribute("href") or "").startswith("http://127.0.0.1:3000/runs/run-")
    assert world.corpus.embedder.identity in page.find("#source").text


def test_more_of_the_document_is_shown_when_asked_for(page: Page) -> None:
    page.ask(QUESTION, by="extractive")
    page.answered()
    page.all(".citation")[0].click()
    page.says("Parts ", "#source")
    before = len(page.all("#source .near"))
    button = page.find("#source .row button")
    button.click()
    page.waits(lambda: len(page.all("#source .near")) > before, "more of the document")


def test_what_no_passage_answers_is_said_plainly(page: Page) -> None:
    page.ask(FOREIGN)
    said = page.answered()
    assert "No answer." in said
    assert "do not answer the question" in said
    assert "Nearest passages" in said
    assert page.all(".citation")


def test_a_model_that_is_away_is_said_and_sentences_are_quoted(world: PageWorld, page: Page) -> None:
    world.chat.say(status=500)
    page.ask(QUESTION)
    said = page.answered()
    assert "The chat model did not answer, so sentences are quoted." in said
    assert "35 days" in page.find("#answer-text").text
    page.ask(QUESTION, by="model")
    page.says("The chat model does not answer.", "#answer-notice")


def test_an_uploaded_file_is_watched_until_it_is_searchable(world: PageWorld, page: Page, tmp_path: Path) -> None:
    notes = tmp_path / "giraffes.md"
    notes.write_text("# Giraffes\n\nThe giraffe budget of the logistics office is twelve carrots a week.\n")
    page.find("#files").send_keys(str(notes))
    page.says("Pending", "#jobs")
    assert "it waits for its run" in page.find("#jobs").text
    page.says("1 pending", "#health")
    world.corpus.run()
    page.says("Completed", "#jobs")
    assert "giraffes.md: Completed." in (page.find("#upload-status").get_attribute("textContent") or "")
    page.waits(lambda: "pending" not in page.find("#health").text, "the figures after the job")
    page.ask("What is the giraffe budget?", by="extractive")
    assert "twelve carrots" in page.answered()


def test_a_file_that_is_refused_says_why_and_what_to_do(page: Page, tmp_path: Path) -> None:
    other = tmp_path / ".hidden.md"
    other.write_text("Hidden files are no documents.")
    page.find("#files").send_keys(str(other))
    said = page.says("Failed", "#jobs")
    assert ".hidden.md" in said
    assert page.all("#jobs .remedy")


def test_files_can_be_dropped(page: Page) -> None:
    page.script("""
        const data = new DataTransfer();
        data.items.add(new File(["A text."], ".dropped.md"));
        document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
    """)
    page.says(".dropped.md", "#jobs")


def test_the_chosen_collection_is_asked_and_kept_in_the_address(page: Page) -> None:
    assert [each.text for each in Select(page.find("#collection")).options] == ["handbook", NOTES]
    Select(page.find("#collection")).select_by_value(NOTES)
    page.says(f"Collection {NOTES}")
    page.says("1 indexed", "#health")
    page.ask("Where is lunch served?", by="extractive")
    assert "third floor" in page.answered()
    page.browser.refresh()
    page.says("1 indexed", "#health")
    assert Select(page.find("#collection")).first_selected_option.text == NOTES


def test_health_shows_states_failures_with_what_to_do_and_streams(page: Page) -> None:
    said = page.says("Why documents are quarantined", "#health")
    assert "1 quarantined" in said
    assert BROKEN_PDF in said
    assert page.all("#health .documents code")
    assert page.all("#health .remedy")
    assert "wiki: handbook-edits" in said
    assert " 17 " in said
    page.find("#health .state.indexed").click()
    page.says("Documents that are indexed", "#health")
    assert "backups-and-restore.md" in page.find("#health").text
    assert page.find("#health .state.indexed").get_attribute("aria-pressed") == "true"
    assert page.focused().get_attribute("data-name") == "state-indexed"


def test_a_quarantined_document_is_tried_again(world: PageWorld, page: Page) -> None:
    page.says(BROKEN_PDF, "#health")
    page.find("#health .documents button").click()
    page.says("1 pending", "#health")
    world.corpus.run()
    page.find("#refresh").click()
    page.says("1 quarantined", "#health")


def test_a_key_is_asked_for_and_kept_for_this_tab_only(world: PageWorld, chrome: Chrome) -> None:
    page = Page(chrome, world.guarded_url)
    page.open(ready="This server asks for a key.")
    page.find("#key-text").send_keys("rag_AAAAAAAAAAAA_wrong", Keys.ENTER)
    page.says("does not accept this key", "#key")
    page.find("#key-text").send_keys(world.new_key("reader"), Keys.ENTER)
    page.says("indexed", "#health")
    assert not page.find("#key").is_displayed()
    page.ask(QUESTION, by="extractive")
    assert "35 days" in page.answered()
    assert page.script("return Object.keys(sessionStorage)") == ["rag-api-key"]
    assert page.script("return JSON.stringify([localStorage, document.cookie])") == '[{},""]'
    page.find("#change-key").click()
    page.find("#forget-key").click()
    page.says("This server asks for a key.", "#key")
    page.close()


def test_a_key_with_groups_sees_no_figures_and_one_that_may_not_upload_is_told(
    world: PageWorld, chrome: Chrome, tmp_path: Path
) -> None:
    page = Page(chrome, world.guarded_url)
    page.open(ready="This server asks for a key.")
    key = world.new_key("grouped", Scope.READ, groups=("sales",))
    page.find("#key-text").send_keys(key, Keys.ENTER)
    page.says("a key with groups sees none", "#health")
    (tmp_path / "a.md").write_text("A text.")
    page.find("#files").send_keys(str(tmp_path / "a.md"))
    page.says("it has no scope 'ingest'", "#jobs")
    page.close()


@pytest.fixture
def hostile(world: PageWorld) -> Iterator[None]:
    """Documents whose text, title, heading and name would be markup on a page that is not careful."""
    files = {"zebra.md": HOSTILE.encode(), HOSTILE_PDF: b"%PDF-1.7 and nothing behind it"}
    for name, content in files.items():
        (world.corpus.folder / name).write_bytes(content)
    world.corpus.ingest()
    yield
    for name in files:
        (world.corpus.folder / name).unlink()
    world.corpus.ingest()


@pytest.mark.usefixtures("hostile")
def test_text_of_documents_is_never_markup(page: Page) -> None:
    page.ask("What is the zebra policy?", by="extractive")
    assert ATTACK in page.answered()
    assert f"Zebra {ATTACK}" in page.find("#citations").text
    page.all(".cite")[0].click()
    page.says("Parts ", "#source")
    assert ATTACK in page.find("#source-title").text
    assert ATTACK in page.find("#source .reader").text
    page.says(HOSTILE_PDF, "#health")
    assert page.script("return document.querySelectorAll('main img, main script, main iframe').length") == 0
    assert page.script("return window.hacked") is None
    refused = "try { document.body.innerHTML = 'x'; return 'taken' } catch (error) { return error.name }"
    assert page.script(refused) == "TypeError"
    assert any("TrustedHTML" in complaint for complaint in page.complaints())
