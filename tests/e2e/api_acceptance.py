"""Schemathesis against the query API of a running stack: every check, in every phase, for ten minutes.

``python -m tests.e2e.api_acceptance`` (``make accept-api``) brings up a stack with the samples of the handbook,
installs schemathesis into an environment of its own, and lets it make requests of the OpenAPI document: examples, the
edges of every field, random ones, and chains of requests. ``schemathesis.toml`` beside this file says what is asked
of the answers. The last line of the output is JSON; the exit code is 1 when anything failed.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.stack import ROOT, Stack

VERSION = "4.32.5"
SEED = 7
_COLLECTION = "handbook"
_CONFIG = Path(__file__).with_name("schemathesis.toml")
_SHUT_DOWN_S = 300
"""How long schemathesis may take beyond its time: the requests it is at, shrinking, the report."""


def run(folder: Path, program: Path, *, seconds: int, seed: int, with_keys: bool) -> dict[str, Any]:
    """Do it; return what was counted, and ``exit_code``."""
    stack = _stack(folder / "stack", with_keys=with_keys)
    with stack:
        headers = _let_in(stack) if with_keys else {}
        stack.api.headers.update(headers)
        stack.wait_for("the samples of the handbook", lambda: _has_samples(stack), limit_s=300)
        stack.wait_for("the model to be loaded", lambda: stack.api.get("/readyz").is_success, limit_s=120)
        report = folder / "report.json"
        code = _schemathesis(stack, program, report, headers, seconds=seconds, seed=seed)
        if code not in (0, 1) or not report.exists():
            raise RuntimeError(f"schemathesis ended with {code}")
        defects = _defects_in(stack)
    found = json.loads(report.read_text(encoding="utf-8"))
    return {
        "calls": found["test_cases"]["generated"],
        "operations": found["operations"]["tested"],
        "phases": {name: phase["status"] for name, phase in found["phases"].items()},
        "failures": [{"title": each["title"], "operations": each["operations"]} for each in found["failures"]],
        "errors": [each["title"] for each in found["errors"]],
        "defects_in_the_log": defects,
        "seconds": round(found["running_time"]),
        "seed": seed,
        "keys": with_keys,
        "exit_code": int(code != 0 or bool(defects)),
    }


def installed(folder: Path) -> Path:
    """Return schemathesis' program in a new environment; its requirements are no part of ours."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"schemathesis=={VERSION}"], check=True)
    return folder / "bin" / "schemathesis"


def _stack(folder: Path, *, with_keys: bool) -> Stack:
    stack = Stack(folder)
    shutil.copy(ROOT / "collections" / f"{_COLLECTION}.yaml", stack.collections)
    shutil.copytree(ROOT / "collections" / "samples" / _COLLECTION, stack.collections / "samples" / _COLLECTION)
    if with_keys:
        stack.environment["RAG_AUTH"] = "required"
    return stack


def _let_in(stack: Stack) -> dict[str, str]:
    scopes = [word for scope in ("read", "ingest", "metrics", "admin") for word in ("--scope", scope)]
    made = stack.rag_json(
        "keys", "create", "fuzz", "--all-collections", "--all-documents", "--rate", "1000000", *scopes
    )
    return {"Authorization": f"Bearer {made['key']}"}


def _has_samples(stack: Stack) -> bool:
    """Say whether every sample answers: none waits, and some are there."""
    listed = stack.api.get("/v1/collections").raise_for_status().json()["collections"]
    found = next((each for each in listed if each["name"] == _COLLECTION), None)
    return (
        found is not None
        and found["index"] is not None
        and found["waiting"] == 0
        and sum(found["documents"].values()) > 0
    )


def _schemathesis(
    stack: Stack, program: Path, report: Path, headers: dict[str, str], *, seconds: int, seed: int
) -> int:
    words: Sequence[str] = [
        str(program),
        *("--config-file", str(_CONFIG)),
        *("run", f"http://127.0.0.1:{stack.ports['API']}/openapi.json"),
        *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--max-time", str(seconds)),
        *("--seed", str(seed), "--continue-on-failure", "--no-color", "--generation-database", "none"),
        *("--report", "json", "--report-json-path", str(report)),
        *(word for name, value in headers.items() for word in ("--header", f"{name}: {value}")),
    ]
    return subprocess.run(words, check=False, timeout=seconds + _SHUT_DOWN_S, cwd=report.parent).returncode


def _defects_in(stack: Stack) -> list[str]:
    """Return the lines that the API wrote of its own defects: a stream that broke off has no status to tell of them."""
    log = (stack.home / "logs" / "api.log").read_text(encoding="utf-8", errors="replace")
    return [line[:300] for line in log.splitlines() if "Traceback" in line or " failed (request " in line]


def main() -> int:
    """Run the acceptance; print what was counted as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600, help="how long requests are made")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keys", action="store_true", help="with RAG_AUTH=required, and a key that may everything")
    parser.add_argument("--schemathesis", type=Path, help="its program, if it is installed already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rag-accept-") as name:
        folder = Path(name)
        program = given.schemathesis or installed(folder / "venv")
        done = run(folder, program, seconds=given.seconds, seed=given.seed, with_keys=given.keys)
    sys.stdout.write(json.dumps(done) + "\n")
    return done["exit_code"]


if __name__ == "__main__":
    sys.exit(main())
