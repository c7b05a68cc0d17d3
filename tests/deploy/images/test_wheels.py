"""Every package of every image is to be had as a wheel, for both architectures: pip's own index says so.

The CUDA images are not installed by any test, because their wheels are gigabytes; that each of them is there, with a
digest that the lock allows, is what is seen here.
"""

import os
import re
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.deploy.images.locks import MACHINES, locked, wheels, without_wheel
from tests.deploy.images.test_containerfile import TARGETS

INSTALLED = {target: locked(target) for target in TARGETS}


def _index() -> str:
    """Where pip of this machine looks, by whatever configuration it has."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--help"],
        env={**os.environ, "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    index = re.search(r"Python Package Index \(default (\S+?)\)", said)
    assert index is not None
    return index[1].rstrip("/")


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, str]]:
    """The wheels that the index has of each package of the images."""
    index, trusted = _index(), ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
    asked = httpx.Client(verify=trusted, timeout=60, follow_redirects=True, headers={"accept": "text/html"})

    def of(name: str) -> tuple[str, dict[str, str]]:
        return name, wheels(asked.get(f"{index}/{name}/").raise_for_status().text)

    with asked, ThreadPoolExecutor(8) as several:
        return dict(several.map(of, sorted({each.name for lock in INSTALLED.values() for each in lock})))


@pytest.mark.deploy
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("target", TARGETS)
def test_every_package_has_a_wheel_that_the_lock_allows(
    target: str, machine: str, found: dict[str, dict[str, str]]
) -> None:
    assert without_wheel(INSTALLED[target], found, machine) == []


def test_a_package_without_a_wheel_of_an_architecture_or_of_the_locks_digest_is_found() -> None:
    package = next(each for each in INSTALLED["api"] if each.name == "asyncpg")
    allowed = next(iter(package.hashes))
    name = f"asyncpg-{str(package.requirement.specifier)[2:]}-cp311-cp311-manylinux_2_28_x86_64.whl"
    page = f'<a href="../{name}#sha256={allowed}">x</a>'

    assert without_wheel([package], {"asyncpg": wheels(page)}, "x86_64") == []
    assert without_wheel([package], {"asyncpg": wheels(page)}, "aarch64") == [str(package.requirement)]
    other = wheels(page.replace(allowed, "0" * 64))
    assert without_wheel([package], {"asyncpg": other}, "x86_64") == [str(package.requirement)]


def test_what_never_counts_on_a_machine_needs_no_wheel() -> None:
    never = [
        each.name for each in INSTALLED["ingestion"] if "'never'" in str(each.requirement.marker).replace('"', "'")
    ]
    nothing = {key: dict[str, str]() for key in never}

    assert never
    packages = [each for each in INSTALLED["ingestion"] if each.name in never]
    assert without_wheel(packages, nothing, "x86_64") == []
