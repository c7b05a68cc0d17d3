"""The page in a browser: what a test looks for is waited for."""

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

WIDE = (1440, 1000)
QUESTION = "How long are daily database backups kept?"
BOTH = "What is the recovery time objective after the loss of a region?"
FOREIGN = "Which volcano erupted near Reykjavik yesterday?"


class Page:
    """The page in the browser; what a test looks for is waited for."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def open(self, *, size: tuple[int, int] = WIDE, scheme: str = "light", ready: str = "indexed") -> None:
        """Load the page in a window of that size whose system prefers the colour scheme."""
        width, height = size
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self.prefer(scheme=scheme)
        self.browser.get("about:blank")
        self.browser.get(self.url)
        self.says(ready)

    def close(self) -> None:
        """Forget what the page kept, and see that the browser had nothing to complain of."""
        self.script("sessionStorage.clear(); localStorage.clear();")
        assert self.complaints() == []

    def complaints(self) -> list[str]:
        """Return what the browser wrote on its console since the last time, but for statuses, which tests look at."""
        said = [str(each["message"]) for each in self.browser.get_log("browser")]
        return [each for each in said if "Failed to load resource" not in each]

    def prefer(self, *, scheme: str, motion: str = "no-preference") -> None:
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        self.command("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in features.items()])

    def command(self, name: str, **parameters: Any) -> Any:
        return self.browser.execute_cdp_cmd(name, parameters)

    def script(self, code: str, *arguments: Any) -> Any:
        return self.browser.execute_script(code, *arguments)

    def find(self, selector: str) -> WebElement:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return [each for each in self.browser.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed()]

    def says(self, words: str, within: str = "body") -> str:
        """Wait until a part of the page shows the words; return all its text."""
        WebDriverWait(self.browser, 30, 0.05).until(lambda _: words in self.find(within).text, f"{words!r} in {within}")
        return self.find(within).text

    def waits(self, is_so: Callable[[], bool], what: str) -> None:
        WebDriverWait(self.browser, 30, 0.05).until(lambda _: is_so(), what)

    def ask(self, question: str, *, by: str = "auto") -> None:
        Select(self.find("#generation")).select_by_value(by)
        self.find("#question").clear()
        self.find("#question").send_keys(question)
        self.find("#ask").click()

    def answered(self) -> str:
        self.waits(lambda: self.find("#ask-status").text.startswith(("Answered", "There is no")), "the answer")
        return self.find("#answer").text

    def focused(self) -> WebElement:
        return self.browser.switch_to.active_element

    def press(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    def violations(self) -> list[str]:
        """Return what axe-core finds wrong: rule, what it says of it, and the parts of the page that break it."""
        self.script(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
        found = self.browser.execute_async_script("axe.run(document).then(arguments[0])")["violations"]
        return [f"{each['id']}: {each['help']}: {[node['html'] for node in each['nodes']]}" for each in found]

    def picture(self, name: str) -> None:
        """Keep a picture where they are wanted, the mouse out of sight."""
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=0, y=0)
        if folder := os.environ.get("RAG_SCREENSHOTS"):
            self.browser.save_screenshot(str(Path(folder) / f"page-{name}.png"))
