"""``make demo``: the main job on embedded parts, from nothing to a cited answer, with every command it uses shown.

It does what a person would type: ``rag up --detach``, wait until the sensors have brought the sample documents in,
``rag ask``, ``rag down``. A stack that runs already is used and left running.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

import httpx

from rag_core.errors import RagError
from resources.clients.home import rag_home, read_stack
from resources.clients.settings import load_settings

COLLECTION = "handbook"
QUESTION = "How long are backups kept?"
LIMIT_S = 300
END_STATES = ("indexed", "unchanged", "quarantined", "deleted")


def main() -> int:
    """Run the demo; returns the exit code."""
    keep = "--keep" in sys.argv[1:]
    ran_before = bool(read_stack(rag_home())) and _rag("status", quiet=True) == 0
    try:
        return (0 if ran_before else _rag("up", "--detach")) or _ingest_and_ask()
    except RagError as error:
        _say(f"Error: {error}", to=sys.stderr)
        return 1
    finally:
        if not (keep or ran_before):
            _rag("down")
        elif _rag("status", quiet=True) == 0:
            _say("The stack goes on running; 'make down' stops it.")
        else:
            _say("Not every part of the stack runs: 'rag status' and 'rag logs supervisor' say more.")


def _ingest_and_ask() -> int:
    settings = load_settings()
    _wait_for_samples(settings.require("api_url"))
    answered = _rag("ask", QUESTION, "--collection", COLLECTION)
    _see_runs_end_well(settings.require("dagster_url"))
    _say(f"\nAssets, lineage and checks: {settings.require('dagster_url')}/asset-groups/{COLLECTION}")
    _say(f"The page, to ask and look:  {settings.require('api_url')}/")
    _say(f"REST, with examples:        {settings.require('api_url')}/docs")
    return answered


def _wait_for_samples(api: str) -> None:
    """Return when every sample has reached an end state; says how far it is whenever that changes."""
    _say("Waiting for the sensors to bring the sample documents in …")
    ends = time.monotonic() + LIMIT_S
    said = ""
    while time.monotonic() < ends:
        states = _states(api)
        done = sum(number for state, number in states.items() if state in END_STATES)
        total = sum(states.values())
        line = f"  {done} of {total} documents done: " + ", ".join(f"{n} {s}" for s, n in sorted(states.items()) if n)
        if total and line != said:
            _say(line)
            said = line
        if total and done == total:
            return
        time.sleep(0.5)
    message = f"After {LIMIT_S} s the sample documents are not in: {said.strip() or 'nothing has arrived'}."
    raise RagError(message, remedy="'rag status' and 'rag logs dagster-daemon' say why.")


def _see_runs_end_well(dagster: str) -> None:
    """Return when no run is under way; raises ``RagError`` when one has failed: answers alone would hide that."""
    ends = time.monotonic() + LIMIT_S
    while time.monotonic() < ends and _runs(dagster, "QUEUED", "NOT_STARTED", "STARTING", "STARTED"):
        time.sleep(0.5)
    failed = _runs(dagster, "FAILURE")
    if failed:
        message = f"{len(failed)} runs failed, though the samples are in: {', '.join(failed[:3])}."
        raise RagError(message, remedy=f"See {dagster}/runs for the reason.")


def _runs(dagster: str, *statuses: str) -> list[str]:
    query = (
        "query($filter: RunsFilter) { runsOrError(filter: $filter, limit: 20) { ... on Runs { results { runId } } } }"
    )
    asked = {"query": query, "variables": {"filter": {"statuses": statuses}}}
    answer = httpx.post(f"{dagster}/graphql", json=asked, timeout=30).raise_for_status().json()
    return [run["runId"] for run in answer["data"]["runsOrError"]["results"]]


def _states(api: str) -> dict[str, int]:
    try:
        answer = httpx.get(f"{api}/v1/collections", timeout=10).raise_for_status().json()
    except httpx.HTTPError:
        return {}
    found = next((one for one in answer["collections"] if one["name"] == COLLECTION), None)
    return found["documents"] if found else {}


def _rag(*words: str, quiet: bool = False) -> int:
    if not quiet:
        _say(f"$ rag {' '.join(repr(word) if ' ' in word else word for word in words)}")
    command = [str(Path(sys.executable).with_name("rag")), *words]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL if quiet else None).returncode


def _say(line: str, *, to: TextIO | None = None) -> None:
    stream = to or sys.stdout
    stream.write(f"{line}\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
