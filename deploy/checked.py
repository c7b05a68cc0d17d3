"""Remembers of which files `make deploy-check` passed, so that CI repeats it only when one of them changed.

`python -m deploy.checked digest` prints the digest of the files as they are, `write DIGEST` notes that the check passed
for it, `compare` succeeds where the noted digest is that of the files as they are.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from deploy.checked_excerpts import IMAGES, OF_FILES, imported

REPOSITORY = Path(__file__).parent.parent
NOTE = "deploy/checked.json"

INPUTS = (
    "deploy",
    "terraform",
    "tests/deploy",
    "rag_assets/daemon.py",
    "query_api/__main__.py",
    "query_api/alive.py",
    "query_api/routes/health.py",
    "query_api/worker.py",
    "rag_assets/definitions.py",
    "rag_assets/fresh_first.py",
    "rag_assets/kubernetes_instance.py",
    "rag_assets/kubernetes_launcher.py",
    "rag_assets/migrating.py",
    "rag_assets/starting_runs.py",
    "rag_core/run_places.py",
    "resources/clients/catalog/migrations",
    "resources/clients/heartbeat.py",
    "sensors/listener.py",
    "sensors/watcher.py",
)
"""What the check looks at, beside the tools that it builds: files, and folders with everything in them.

Of some more files only an excerpt counts: ``checked_excerpts``. How our programs behave the ordinary suite sees.
"""


def digest(repository: Path = REPOSITORY, inputs: Iterable[str] = INPUTS) -> str:
    """One number for names and contents of the inputs; what git ignores and the note itself do not count."""
    total = hashlib.sha256()
    for name in sorted(_files(repository, inputs) - {NOTE}):
        total.update(f"{name}\0{hashlib.sha256((repository / name).read_bytes()).hexdigest()}\n".encode())
    for name, excerpt in sorted(OF_FILES.items()):
        if (repository / name).is_file():
            total.update(f"{name}\0{excerpt((repository / name).read_text(encoding='utf-8'))}\n".encode())
    for image, rooms in sorted(IMAGES.items()):
        modules = sorted(name for name in _files(repository, rooms) if name.endswith(".py"))
        texts = ((repository / name).read_text(encoding="utf-8") for name in modules)
        total.update(f"imports of {image}\0{imported(texts)}\n".encode())
    return total.hexdigest()


def _files(repository: Path, inputs: Iterable[str]) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *inputs],  # noqa: S607 - git's place differs
        cwd=repository,
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout.decode()
    return {name for name in listed.split("\0") if name and (repository / name).is_file()}


def main(arguments: Sequence[str] | None = None, *, repository: Path = REPOSITORY) -> int:
    """0 where it is so, or was done; 1 where the files differ from those that were checked."""
    parser = argparse.ArgumentParser(prog="python -m deploy.checked", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("digest", help="the digest of the files as they are")
    verbs.add_parser("compare", help="whether the check passed for the files as they are")
    writing = verbs.add_parser("write", help="note that the check passed")
    writing.add_argument("digest", help="the digest before the check began")
    asked = parser.parse_args(arguments)
    if asked.verb == "digest":
        _say(digest(repository))
        return 0
    return _compare(repository) if asked.verb == "compare" else _write(repository, asked.digest)


def _compare(repository: Path) -> int:
    note = repository / NOTE
    noted = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else {}
    if noted.get("digest") == digest(repository):
        _say(f"Deployment: unchanged since 'make deploy-check' passed on {noted['checked']}.")
        return 0
    _say("Deployment: changed since 'make deploy-check' last passed.")
    return 1


def _write(repository: Path, checked: str) -> int:
    if checked != digest(repository):
        _say("Deployment: files changed while they were checked; run 'make deploy-check' again.")
        return 1
    note = {"digest": checked, "checked": datetime.now(UTC).date().isoformat()}
    (repository / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    _say(f"Deployment: checked; noted in {NOTE}, to be committed.")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command line's own words


if __name__ == "__main__":
    sys.exit(main())
