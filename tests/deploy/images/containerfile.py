"""A Containerfile as data: its stages, and for each its instructions; what a builder would do, a test can do again."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

FILE = Path(__file__).parents[3] / "deploy" / "images" / "Containerfile"
_FROM = re.compile(r"(?P<base>\S+)(?: AS (?P<name>\S+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: what it is built on, and what is done there."""

    name: str
    base: str
    instructions: tuple[tuple[str, str], ...]

    def all(self, word: str) -> list[str]:
        """The arguments of every instruction of that word, in order."""
        return [arguments for each, arguments in self.instructions if each == word]


@dataclass(frozen=True, slots=True, kw_only=True)
class Containerfile:
    """The stages of a file by name."""

    stages: dict[str, Stage]

    @classmethod
    def read(cls, path: Path = FILE) -> Self:
        """Read a file."""
        stages: dict[str, Stage] = {}
        name, base, instructions = "", "", []
        for word, arguments in [*_instructions(path.read_text(encoding="utf-8")), ("FROM", "end")]:
            if word != "FROM":
                instructions.append((word, arguments))
                continue
            if base:
                stages[name] = Stage(name=name, base=base, instructions=tuple(instructions))
            found = _FROM.fullmatch(arguments)
            assert found is not None, arguments
            name, base, instructions = found["name"] or "", found["base"], []
        return cls(stages=stages)

    def line_of(self, target: str) -> list[Stage]:
        """The stages that a target is built on, the first one first, itself last."""
        stage = self.stages[target]
        return [*(self.line_of(stage.base) if stage.base in self.stages else []), stage]

    def needed_by(self, target: str) -> list[Stage]:
        """Every stage that a builder runs for a target, each after those that it takes something from."""
        needed: dict[str, Stage] = {}

        def take(name: str) -> None:
            for stage in self.line_of(name):
                for copied in stage.all("COPY"):
                    if source := re.match(r"--from=(\S+)", copied):
                        take(source[1])
                needed.setdefault(stage.name, stage)

        take(target)
        return list(needed.values())

    def environment_of(self, target: str) -> dict[str, str]:
        """The variables that the target's processes are started with."""
        variables: dict[str, str] = {}
        for stage in self.line_of(target):
            for line in stage.all("ENV"):
                variables |= dict(pair.split("=", 1) for pair in line.split())
        return variables

    def last(self, target: str, word: str) -> str:
        """The instruction of that word that counts in a target; of several the last one."""
        found = [arguments for stage in self.line_of(target) for arguments in stage.all(word)]
        assert found, f"{target} has no {word}"
        return found[-1]

    def command_of(self, target: str) -> list[str]:
        """What a target starts."""
        return json.loads(self.last(target, "CMD"))

    def health_check_of(self, target: str) -> list[str]:
        """What asks whether it lives."""
        return json.loads(self.last(target, "HEALTHCHECK").partition("CMD")[2])


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    for line in joined.splitlines():
        word, _, arguments = line.strip().partition(" ")
        yield word, re.sub(r"\s+", " ", arguments) if word != "RUN" else arguments
