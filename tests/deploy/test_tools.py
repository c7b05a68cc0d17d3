"""The builder of tools: finds a Go or says what to do, builds with locked sums, and places whole programs only."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.tools.__main__ import main
from deploy.tools.building import BuildFailed, build
from deploy.tools.go_toolchain import NoGo, find_go
from deploy.tools.recipes import BY_NAME, TOOLS, Tool, cache_folder, placed_at
from tests.deploy.tools import tool


def _go(folder: Path, *, version: str, building: str = "exit 9") -> Path:
    """A folder with a `go` of that version, whose `go build … -o PATH PACKAGE` runs the line."""
    folder.mkdir()
    go = folder / "go"
    go.write_text(
        f'#!/bin/sh\nif [ "$1" = version ]; then echo "go version {version} linux/amd64"; exit; fi\n{building}\n'
    )
    go.chmod(0o755)
    return folder


BUILDS = 'while [ "$1" != -o ]; do shift; done; printf built > "$2"'
FAILS_HALFWAY = 'while [ "$1" != -o ]; do shift; done; printf half > "$2"; echo "no space" >&2; exit 1'


def test_go_too_old_to_fetch_a_newer_one_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoGo, match=r"Go 1\.19, too old.*Install Go 1\.21 or newer"):
        find_go({"PATH": str(_go(tmp_path / "bin", version="go1.19.8"))})


def test_go_that_tells_no_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoGo, match="does not tell its version"):
        find_go({"PATH": str(_go(tmp_path / "bin", version="nonsense"))})


def test_older_go_fetches_the_one_that_a_module_wants(tmp_path: Path) -> None:
    old = find_go({"PATH": str(_go(tmp_path / "old", version="go1.21.0"))})
    new = find_go({"PATH": str(_go(tmp_path / "new", version="go1.99.0"))})
    folder = BY_NAME["helm"].module_folder

    assert old.environment(folder)["GOTOOLCHAIN"] == "auto"
    assert new.environment(folder).get("GOTOOLCHAIN") != "auto"


def test_tool_is_built_once(tmp_path: Path) -> None:
    go = find_go({"PATH": str(_go(tmp_path / "bin", version="go1.99.0", building=BUILDS))})
    cache = tmp_path / "cache"

    first = build(BY_NAME["helm"], cache=cache, go=go)
    second = build(BY_NAME["helm"], cache=cache, go=go)

    assert first.path.read_text() == "built"
    assert (first.fresh, second.fresh) == (True, False)
    assert [path.name for path in cache.iterdir()] == [f"helm-{BY_NAME['helm'].version}"]


def test_failed_build_leaves_nothing_and_tells_why(tmp_path: Path) -> None:
    go = find_go({"PATH": str(_go(tmp_path / "bin", version="go1.99.0", building=FAILS_HALFWAY))})

    with pytest.raises(BuildFailed, match="no space"):
        build(BY_NAME["helm"], cache=tmp_path / "cache", go=go)
    assert not list((tmp_path / "cache").rglob("helm"))


def test_unknown_tool_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["build", "helmet"])
    assert "no tool named helmet" in capsys.readouterr().err


def test_cache_is_where_the_environment_says() -> None:
    assert cache_folder({"RAG_TOOLS": "/t"}) == Path("/t")
    assert cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/rag-assets/tools")
    assert placed_at(BY_NAME["tofu"], Path("/t")) == Path(f"/t/tofu-{BY_NAME['tofu'].version}/tofu")


@pytest.mark.parametrize("each", TOOLS, ids=lambda each: each.name)
def test_every_tool_is_locked(each: Tool) -> None:
    assert (each.module_folder / "go.sum").is_file()
    if each.name != "terraform-provider-docker":  # its repository moved, so Go knows it by a commit only
        assert f" v{each.version}\n" in (each.module_folder / "go.mod").read_text()


SAYS = {
    "helm": ["version", "--short"],
    "etcd": ["--version"],
    "kube-apiserver": ["--version"],
    "kube-controller-manager": ["--version"],
    "tofu": ["version"],
}


@pytest.mark.deploy
@pytest.mark.parametrize("name", SAYS)
def test_built_tool_says_its_version(name: str) -> None:
    alone = {"PATH": os.environ.get("PATH", "")}
    said = subprocess.run(
        [str(tool(name)), *SAYS[name]], env=alone, capture_output=True, text=True, timeout=60, check=True
    )

    assert BY_NAME[name].version in said.stdout
