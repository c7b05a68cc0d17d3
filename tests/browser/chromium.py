"""Chromium without a window; a missing one is named, and refused where nothing may be left out."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service


@contextmanager
def chromium(folder: Path, *, width: int = 1600, height: int = 1000) -> Iterator[webdriver.Chrome]:
    """Yield a browser whose profile lies in ``folder``."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        missing = "Chromium is not installed (apt-get install chromium chromium-driver): browser tests are left out."
        if os.environ.get("RAG_TEST_REQUIRE_ALL"):
            pytest.fail(missing)
        pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",  # tests may run as root, where Chromium has no sandbox; it only sees our own loopback pages
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-first-run",
        f"--user-data-dir={folder / 'profile'}",
        f"--window-size={width},{height}",
        "--force-device-scale-factor=1",
        "--hide-scrollbars",
    ):
        options.add_argument(argument)
    page = webdriver.Chrome(options=options, service=Service(driver))
    try:
        page.set_page_load_timeout(60)
        yield page
    finally:
        page.quit()
