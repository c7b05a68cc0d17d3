"""Runbooks: every alert has its page, every page is in the index, and every command that they name exists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.exceptions import TyperException

from local_stack.cli.root import app
from tests.observability.test_rules import ALERTS, ROOT, RUNBOOKS, runbook

FOLDER = ROOT / "docs" / "runbooks"
INDEX = FOLDER / "README.md"
PAGES = sorted(FOLDER.glob("*.md"))
SECTIONS = ["What it means for users", "See the cause", "What to do", "It is over when", "Do not"]
ABRIDGED = "rag …"
"""How the index speaks of any command."""


def commands_in(text: str) -> set[str]:
    """Return every command of ``rag`` in a code span or a block of code, without its comment."""
    spans = re.findall(r"`(rag [^`]+)`", re.sub(r"\s*\n\s*", " ", text))
    lines = re.findall(r'^(?: {4}|\$ )(rag (?:[^"\n]|"[^"]*")+)$', text, flags=re.MULTILINE)  # SQL goes over lines
    inside = re.findall(r" (?:--|exec code) (rag [^`\n]+)`", text)
    return {shlex.join(shlex.split(each, comments=True)) for each in [*spans, *lines, *inside] if ABRIDGED not in each}


def fault(command: str) -> str | None:
    """Return what the command line would refuse of a command, without running it; None if it would take it."""
    reading: Any = typer.main.get_command(app)
    words, context = shlex.split(command)[1:], None
    try:
        while hasattr(reading, "get_command"):
            context = reading.make_context("rag", [], parent=context, resilient_parsing=True)
            reading = reading.get_command(context, words[0]) if words else None
            if reading is None:
                return f"no command {words[:1]}"
            words = words[1:]
        reading.make_context("rag", words, parent=context)
    except TyperException as error:
        return error.format_message()
    return None


def names(page: Path) -> set[str]:
    return set(re.findall(r"`(Rag[A-Za-z]+)`", page.read_text()))


@pytest.mark.parametrize("name", RUNBOOKS)
def test_each_thing_that_goes_wrong_has_a_page_of_one_form_in_the_index(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text()
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == SECTIONS
    assert 30 <= text.count("\n") <= 80
    assert f"]({name}.md)" in INDEX.read_text()


def test_every_page_is_one_of_an_alert() -> None:
    assert {page.stem for page in PAGES} == {*RUNBOOKS, "README"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_is_named_by_its_page_and_by_the_index(alert: dict[str, Any]) -> None:
    page = FOLDER / f"{runbook(alert)}.md"
    assert alert["alert"] in names(page) & names(INDEX)


def test_no_page_names_an_alert_that_is_none() -> None:
    assert set().union(*map(names, PAGES)) == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    found = commands_in(page.read_text())
    assert found
    assert {command: why for command in sorted(found) if (why := fault(command))} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize(
    "command",
    [
        "rag dlq show",
        "rag dlq show x",
        "rag dlq lits",
        "rag audit notes --repiar",
        "rag documents --state stuck",
        "rag down now",
        "rag sql SELECT 1",
        'rag sql --limit 0 "SELECT 1"',
        "rag nothing",
    ],
)
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    assert fault(command)
