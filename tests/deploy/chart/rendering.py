"""The chart as Helm renders it, for tests."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.tools import tool

ROOT = Path(__file__).parents[3]
CHART = ROOT / "deploy" / "chart" / "rag-assets"
VALUES = Path(__file__).parent / "values"
KUBERNETES = "1.36.3"
SETS = {"minimal": ("minimal",), "all": ("all",), "gpu": ("minimal", "gpu"), "elsewhere": ("minimal", "elsewhere")}
"""Which files of values are laid over each other, by what they stand for."""


def value_arguments(name: str) -> list[str]:
    """The arguments by which Helm reads a set of values."""
    return [word for file in SETS[name] for word in ("-f", str(VALUES / f"{file}.yaml"))]


def helm(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Helm; ``given`` is what it reads from standard input."""
    return subprocess.run([str(tool("helm")), *arguments], input=given, capture_output=True, text=True, timeout=120)


def refusal(wrong: dict[str, Any], *, release: str = "x") -> str:
    """What Helm says to values over the minimal ones, which it must not take."""
    arguments = ["template", release, str(CHART), "--kube-version", KUBERNETES, *value_arguments("minimal"), "-f", "-"]
    done = helm(*arguments, given=yaml.safe_dump(wrong))
    assert done.returncode != 0, "the values were taken"
    return done.stderr


def over_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """Values as Helm shows them to the schema: laid over the chart's own."""
    return _over(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8")), values)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    laid = {
        key: _over(below[key], value) if isinstance(below.get(key), dict) and isinstance(value, dict) else value
        for key, value in above.items()
    }
    return {**below, **laid}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The documents of one rendering."""

    documents: list[dict[str, Any]]

    def of_kind(self, kind: str) -> dict[str, dict[str, Any]]:
        """The documents of a kind, by the end of their names behind the release's."""
        return {
            each["metadata"]["name"].removeprefix("x-rag-assets").removeprefix("-"): each
            for each in self.documents
            if each["kind"] == kind
        }

    def pods(self) -> dict[str, dict[str, Any]]:
        """The pod templates of everything that runs, by component."""
        runs = {**self.of_kind("Deployment"), **self.of_kind("Job")}
        timed = {name: each["spec"]["jobTemplate"] for name, each in self.of_kind("CronJob").items()}
        return {name: each["spec"]["template"] for name, each in {**runs, **timed}.items()}


def rendered(name: str = "minimal", *, more: dict[str, Any] | None = None, namespace: str = "rag") -> Rendered:
    """Render the chart as the release ``x``, with further values over a set of them."""
    arguments = ["template", "x", str(CHART), "-n", namespace, "--kube-version", KUBERNETES, *value_arguments(name)]
    done = helm(*arguments, "-f", "-", given=yaml.safe_dump(more or {}))
    assert done.returncode == 0, done.stderr
    return Rendered(documents=[each for each in yaml.safe_load_all(done.stdout) if each])
