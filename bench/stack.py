"""A stack to measure: our own home and ports, Dagster asked through GraphQL, everything deleted afterwards."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from evaluation.api import Api
from evaluation.own_stack import OwnStack
from rag_core.planning import job_name
from resources.clients.dagster_webserver import DagsterWebserver
from resources.clients.home import read_stack

_RUNS = """query($job: String!) { runsOrError(filter: {pipelineName: $job}, limit: 10000) { ... on Runs { results {
  runId status creationTime startTime endTime } } } }"""
_RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { runId status creationTime startTime endTime } } }"
_NUMBERS = """query($id: ID!) { runOrError(runId: $id) { ... on Run { assetMaterializations {
  metadataEntries { label ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue } } } } } }"""
_OVER = {"SUCCESS", "FAILURE", "CANCELED"}


class BenchStack(OwnStack):
    """A stack whose runs can be looked at."""

    def api(self) -> Api:
        """Return a client of its query API."""
        return Api(self.setting("api_url"))

    def graphql(self, query: str, **variables: Any) -> Any:
        """Return Dagster's answer; raises ``RuntimeError`` for an error in it."""
        given = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.setting('dagster_url')}/graphql", json=given, timeout=120, trust_env=False)
        content = answer.raise_for_status().json()
        if "errors" in content:
            raise RuntimeError(json.dumps(content["errors"])[:500])
        return content["data"]

    def runs(self, collection: str) -> list[dict[str, Any]]:
        """Return the runs of a collection's job, newest first."""
        return self.graphql(_RUNS, job=job_name(collection))["runsOrError"]["results"]

    def run(self, run_id: str) -> dict[str, Any]:
        """Return one run: status and times."""
        return self.graphql(_RUN, id=run_id)["runOrError"]

    def wait_idle(self, collection: str, *, limit_s: float = 600) -> None:
        """Return when no run of the collection is going on or waiting."""
        self.wait_for("the runs to end", lambda: all(r["status"] in _OVER for r in self.runs(collection)), limit_s)

    def materialize(self, collection: str, partitions: list[str], *, limit_s: float) -> list[dict[str, Any]]:
        """Launch the job for each block, as a person would from its page in the UI; return the runs when they ended.

        A backfill of the same blocks would wait for its daemon, which looks every 30 s, before and after.
        """
        with DagsterWebserver(self.setting("dagster_url")) as webserver:
            job = job_name(collection)
            launched = [webserver.launch(job, partition=each, tags={}).run_id for each in partitions]
        self.wait_for("the runs", lambda: all(self.run(each)["status"] in _OVER for each in launched), limit_s)
        return [self.run(each) for each in launched]

    def numbers(self, run_id: str) -> dict[str, float]:
        """Return the sums of the numbers that a run's materializations carry, by label."""
        sums: dict[str, float] = {}
        for made in self.graphql(_NUMBERS, id=run_id)["runOrError"]["assetMaterializations"]:
            for entry in made["metadataEntries"]:
                value = entry.get("intValue", entry.get("floatValue"))
                if value is not None:
                    sums[entry["label"]] = sums.get(entry["label"], 0) + value
        return sums

    def parquet(self, collection: str) -> Path:
        """Return the folder of a collection's Parquet layers."""
        return self.home / "parquet" / collection

    def secret(self, name: str) -> str:
        """Return a setting of the running stack that is not an address for everyone."""
        return str(read_stack(self.home)["settings"][name])

    def wait_for(self, what: str, is_so: Callable[[], bool], limit_s: float) -> None:
        """Return once ``is_so()``; raises ``TimeoutError`` after ``limit_s``."""
        ends = time.monotonic() + limit_s
        while not is_so():
            if time.monotonic() > ends:
                raise TimeoutError(f"waited {limit_s:.0f} s for {what}")
            time.sleep(0.25)


def put(folder: Path, key: str, text: str) -> float:
    """Write a file into a source in one step, as a careful producer does; return when it was there."""
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
    return time.time()
