"""How the page's files are served; what the page does is tested in a browser."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import query_api
from query_api.page_files import PAGE_PATHS

FOLDER = Path(query_api.__file__).parent / "page"


def test_every_file_of_the_page_is_served_and_no_other(api: TestClient) -> None:
    assert {f"/page/{path.name}" for path in FOLDER.iterdir() if path.name != "index.html"} | {"/"} == PAGE_PATHS
    for path in PAGE_PATHS:
        assert api.get(path).status_code == 200
    for other in ("/page/", "/page/index.html", "/page/..%2fapp.py", "/page/../app.py"):
        assert api.get(other).status_code == 404


def test_the_wheel_has_every_file_of_the_page(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=FOLDER.parents[1], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {Path(name).name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("query_api/page/")}
    assert names == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize("path", sorted(PAGE_PATHS))
def test_nothing_inline_and_nothing_from_elsewhere_may_run(api: TestClient, path: str) -> None:
    answer = api.get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    elsewhere = r"(?:src|href|from|import|url)\s*[=(]?\s*[\"'(]?(?:https?:)?//"
    assert not re.search(elsewhere, answer.text.replace("http://www.w3.org/2000/svg", ""))
    inline = r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=|javascript:"
    assert path != "/" or not re.search(inline, answer.text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|DOMParser", answer.text)


def test_scripts_import_only_files_that_are_there(api: TestClient) -> None:
    for path in FOLDER.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', path.read_text()):
            assert f"/page/{name}" in PAGE_PATHS, path.name


@pytest.mark.parametrize("path", ["/", "/page/main.js"])
def test_a_browser_that_has_a_file_is_told_so(api: TestClient, path: str) -> None:
    first = api.get(path)
    assert first.headers["cache-control"] == "no-cache"
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = api.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert api.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert api.head(path).headers["etag"] == etag
