"""Maven, which resolves and fetches jars: one call, watched line by line so that a person sees it move."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from local_stack.kafka_broker.java import Java
from rag_core.errors import ConfigurationError, DependencyUnavailable

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_BOUNDS = (
    "-Daether.connector.connectTimeout=10000",
    "-Daether.connector.requestTimeout=60000",  # Maven's own is half an hour
    "-Dmaven.wagon.http.connectionTimeout=10000",
    "-Dmaven.wagon.rto=60000",
)
_DOWNLOADED = re.compile(r"Downloaded from \S+: \S*/(?P<name>[^/\s]+) \((?P<size>[\d.]+) (?P<unit>B|kB|MB)")
_UNITS = {"B": 1, "kB": 1000, "MB": 1_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """How far Maven is: the file that came last, how many came, and their bytes together."""

    name: str
    files: int
    size_bytes: int

    def __str__(self) -> str:
        """Show the progress as people read it."""
        return f"{self.files} files, {self.size_bytes / 1e6:.1f} MB: {self.name}"


Watch = Callable[[Fetched], None]


def maven_program() -> str:
    """Return the path of ``mvn``, or fail with what to install."""
    found = shutil.which("mvn")
    if found is None:
        raise ConfigurationError(
            "Apache Kafka's jars are not on this machine yet and Maven (mvn), which fetches them, is not installed.",
            remedy="Install it (Debian: apt-get install maven), or set RAG_KAFKA to a broker that runs.",
        )
    return found


def copy_dependencies(pom: Path, into: Path, *, java: Java, watch: Watch | None = None) -> None:
    """Fetch what ``pom`` depends on, checksums verified, and copy the jars ``into`` the folder."""
    command = [
        maven_program(),
        "-B",
        "-C",
        "-Dstyle.color=never",
        *_BOUNDS,
        "-f",
        str(pom),
        _COPY,
        f"-DoutputDirectory={into}",
    ]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=pom.parent,
        env={**os.environ, **java.environment()},
        text=True,
        errors="replace",
        start_new_session=True,  # a Ctrl-C is ours to handle
    )
    try:
        said = _follow(process.stdout or (), watch)
        code = process.wait()
    except BaseException:  # whatever it is, Ctrl-C included: Maven does not go on alone
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()
    if code != 0:
        raise DependencyUnavailable(
            f"Maven could not fetch Apache Kafka: {said[:500].rstrip('.')}.",
            dependency="Maven repository",
            remedy="Check this machine's connection (and ~/.m2/settings.xml behind a proxy), then try again.",
        )


def _follow(lines: Iterable[str], watch: Watch | None) -> str:
    """Pass on how far Maven is until it ends; return its first error, or else its last words."""
    files, size_bytes, error, last = 0, 0, "", "it said nothing"
    for line in lines:
        if seen := _DOWNLOADED.search(line):
            files, size_bytes = files + 1, size_bytes + int(float(seen["size"]) * _UNITS[seen["unit"]])
            if watch is not None:
                watch(Fetched(name=seen["name"], files=files, size_bytes=size_bytes))
            continue
        last = line.strip() or last
        error = error or (last.removeprefix("[ERROR] ") if last.startswith("[ERROR] ") else "")
    return error or last
