"""``python3 -m deploy.compose.engine``: say what this host's Docker lacks to run the compose file, if anything."""

import re
import subprocess
import sys

ENGINE = (25, 0, 0)
"""Older ones refuse a health check's ``start_interval``."""
COMPOSE = (2, 20, 2)
"""Older ones do not know it."""

_WHERE = "https://docs.docker.com/engine/install/ has newer ones; without Docker 'rag up' runs the same: README.md."


def fault() -> str | None:
    """Return why the stack can not be started here; None where it can."""
    try:
        compose = _asked("docker", "compose", "version", "--short")
        engine = _asked("docker", "version", "--format", "{{.Server.Version}}")
    except FileNotFoundError:
        return f"This needs Docker {_said(ENGINE[:1])} or newer with its compose plugin: there is no docker. {_WHERE}"
    if compose.returncode:
        return f"This needs Docker's compose plugin {_said(COMPOSE)} or newer: there is none. {_WHERE}"
    if engine.returncode:
        return f"The Docker engine does not answer: {engine.stderr.strip()[:500]}"
    found = ((_version(engine.stdout), ENGINE, "the engine"), (_version(compose.stdout), COMPOSE, "the compose plugin"))
    for version, needed, what in found:
        if version is not None and version < needed:
            return f"This needs {what} of Docker in version {_said(needed)} or newer: it is {_said(version)}. {_WHERE}"
    return None


def _asked(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _version(text: str) -> tuple[int, int, int] | None:
    """Return the first version in a text; None where it has none, as with a build of one's own."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))


def _said(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


if __name__ == "__main__":
    trouble = fault()
    if trouble:
        sys.stderr.write(f"{trouble}\n")
    sys.exit(1 if trouble else 0)
