"""The page by keyboard alone, with a screen reader, on a phone, in the dark.

``RAG_SCREENSHOTS=docs/images`` also keeps the pictures that the README shows.
"""

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.support.ui import Select

from tests.browser.page import BOTH, FOREIGN, QUESTION, WIDE, Page
from tests.browser.page_world import PageWorld

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("page")]


def test_everything_is_done_by_keyboard_alone(page: Page) -> None:
    page.press(Keys.TAB)
    assert page.focused().text == "Skip to the question"
    page.press(Keys.ENTER)
    page.press(*QUESTION)
    assert page.focused().get_attribute("id") == "question"
    page.press(Keys.ENTER)
    page.answered()
    _tab_to(page, ".cite")
    page.press(Keys.ENTER)
    page.says("Parts ", "#source")
    assert page.focused().get_attribute("id") == "source-title"
    _tab_to(page, ".reader")
    page.press(Keys.ESCAPE)
    assert not page.find("#source").is_displayed()
    assert "cite" in (page.focused().get_attribute("class") or "")
    _tab_to(page, "#files")
    _tab_to(page, "#collection", limit=60)


def test_every_stop_of_the_tab_key_is_seen_and_none_is_a_trap(page: Page) -> None:
    page.ask(QUESTION, by="extractive")
    page.answered()
    page.all(".citation")[0].click()
    page.says("Parts ", "#source")
    page.script("document.querySelector('.skip').focus()")
    stops: list[str] = []
    for _ in range(80):
        page.press(Keys.TAB)
        stop, width = page.script(_FOCUS)
        if stop in {"BODY", "A.skip", *stops}:
            break
        assert width >= 2, f"{stop} does not show that it has the focus"
        stops.append(stop)
    assert len(stops) < 80
    assert {"#collection", "#theme", "#question", "#ask", "#generation", "#refresh", "#files"} <= set(stops)
    assert any("citation" in stop for stop in stops)


def test_the_page_fits_the_smallest_phone(page: Page) -> None:
    page.open(size=(320, 640))
    page.ask(QUESTION, by="extractive")
    page.answered()
    page.all(".citation")[0].click()
    page.says("Parts ", "#source")
    assert page.script("return document.documentElement.scrollWidth") == 320
    small = (
        "return [...document.querySelectorAll('button, select, input, textarea, .button')]"
        ".filter((each) => each.checkVisibility() && !each.classList.contains('unseen'))"
        ".map((each) => each.getBoundingClientRect()).filter((box) => box.width < 23 || box.height < 23).length"
    )
    assert page.script(small) == 0


def test_light_and_dark_follow_the_system_until_somebody_chooses(page: Page) -> None:
    def ground() -> str:
        return page.script("return getComputedStyle(document.body).backgroundColor")

    light = ground()
    page.prefer(scheme="dark")
    dark = ground()
    assert light != dark
    Select(page.find("#theme")).select_by_value("light")
    assert ground() == light
    page.browser.refresh()
    page.says("indexed")
    assert (ground(), Select(page.find("#theme")).first_selected_option.text) == (light, "Light")
    Select(page.find("#theme")).select_by_value("system")
    assert ground() == dark


def test_nothing_moves_for_those_who_asked_for_it(page: Page) -> None:
    moving = (
        "return [...document.querySelectorAll('*')].filter((each) => { const style = getComputedStyle(each);"
        "return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none' }).length"
    )
    assert page.script(moving) > 0
    page.prefer(scheme="light", motion="reduce")
    assert page.script(moving) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state_of_the_page(world: PageWorld, chrome: Chrome, page: Page, scheme: str) -> None:
    page.open(scheme=scheme)
    page.says("Why documents are quarantined", "#health")
    assert page.violations() == []
    page.find("#health summary").click()
    page.script(_DROPPED)
    page.says("Failed", "#jobs")
    page.ask(QUESTION, by="extractive")
    page.answered()
    page.all(".citation")[0].click()
    page.says("Parts ", "#source")
    assert page.violations() == []
    world.chat.say(status=500)
    page.ask(QUESTION)
    assert "sentences are quoted" in page.answered()
    assert page.violations() == []
    page.ask(FOREIGN, by="extractive")
    assert "No answer." in page.answered()
    assert page.violations() == []
    guarded = Page(chrome, world.guarded_url)
    guarded.open(scheme=scheme, ready="This server asks for a key.")
    assert guarded.violations() == []


@pytest.mark.parametrize(
    ("name", "scheme", "size"),
    [
        ("light", "light", WIDE),
        ("dark", "dark", WIDE),
        ("phone", "light", (390, 844)),
    ],
)
def test_the_page_as_the_readme_shows_it(page: Page, name: str, scheme: str, size: tuple[int, int]) -> None:
    page.open(scheme=scheme, size=size)
    page.ask(BOTH, by="extractive")
    page.answered()
    page.all(".cite")[0].click()
    page.says("Parts ", "#source")
    page.says("Why documents are quarantined", "#health")
    if name == "phone":
        page.script("document.getElementById('answer').scrollIntoView()")
    page.picture(name)


def _tab_to(page: Page, selector: str, *, limit: int = 40) -> None:
    for _ in range(limit):
        page.press(Keys.TAB)
        if page.script("return document.activeElement.matches(arguments[0])", selector):
            return
    raise AssertionError(f"{selector} is not reached by the tab key")


_DROPPED = """
const data = new DataTransfer();
data.items.add(new File(["A text."], ".dropped.md"));
document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
"""
_FOCUS = """
const stop = document.activeElement;
const shown = stop.classList.contains("unseen") ? stop.nextElementSibling : stop;
const style = getComputedStyle(shown);
const place = [...document.querySelectorAll("*")].indexOf(stop);
const name = stop.id ? `#${stop.id}` : `${place} ${stop.className} ${stop.textContent.slice(0, 20)}`;
return [stop.matches(".skip") ? "A.skip" : stop === document.body ? "BODY" : name,
        style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth)];
"""
