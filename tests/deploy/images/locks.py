"""A lock as data, and what of it can be installed as a wheel on a machine of the images' kind."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

LOCKS = Path(__file__).parents[3] / "requirements"
MACHINES = ("x86_64", "aarch64")
_PYTHON = (3, 11)
_GLIBC = 36
"""The minor version of Debian 12, on which the images stand; a wheel may ask for an older one."""
_ALIASES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_LINK = re.compile(r"""href=["'][^"'#]*?([^"'/#]+\.whl)#sha256=([0-9a-f]{64})["']""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One package of a lock."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def name(self) -> str:
        """Its name as an index has it."""
        return canonicalize_name(self.requirement.name)

    def counts_on(self, machine: str) -> bool:
        """Say whether it is installed on Linux of that machine at all."""
        marker = self.requirement.marker
        linux = {
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": machine,
            "python_version": "3.11",
        }
        return marker is None or marker.evaluate(linux)


def locked(lock: str) -> list[Locked]:
    """The packages of requirements/LOCK.txt."""
    text = (LOCKS / f"{lock}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return [
        Locked(
            requirement=Requirement(line.partition("--hash")[0].strip()),
            hashes=frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", line)),
        )
        for line in lines
    ]


def wheels(page: str) -> dict[str, str]:
    """Names of wheels by their digest, from an index's page of one package."""
    return {digest: name.replace("%2B", "+") for name, digest in _LINK.findall(page)}


def without_wheel(packages: Iterable[Locked], found: Mapping[str, Mapping[str, str]], machine: str) -> list[str]:
    """The packages that count on a machine and of which no wheel found for it is one that the lock allows."""
    takes = frozenset(_tags(machine))
    return [
        str(package.requirement)
        for package in packages
        if package.counts_on(machine)
        and not any(_fits(name, takes) for digest, name in found[package.name].items() if digest in package.hashes)
    ]


def _fits(name: str, takes: frozenset[Tag]) -> bool:
    try:
        return bool(parse_wheel_filename(name)[3] & takes)
    except InvalidWheelFilename:
        return False


def _tags(machine: str) -> Iterator[Tag]:
    platforms = [f"linux_{machine}"]
    for minor in range(_GLIBC, 4, -1):
        platforms += [f"manylinux_2_{minor}_{machine}", f"{_ALIASES.get(minor, 'manylinux_none')}_{machine}"]
    yield from cpython_tags(_PYTHON, platforms=platforms)
    yield from compatible_tags(_PYTHON, interpreter="cp311", platforms=platforms)
