"""Dagster's webserver, asked to launch a run: for processes that know of work and do not load Dagster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx

from rag_core.errors import DependencyUnavailable, RagError

DEPENDENCY = "dagster-webserver"
TIMEOUT_S = 60.0

_JOBS = """{ repositoriesOrError { __typename ... on RepositoryConnection { nodes {
  name location { name } jobs { name } } } ... on PythonError { message } } }"""
_ADD = """mutation($selector: RepositorySelector!, $blocks: String!, $key: String!) {
  addDynamicPartition(repositorySelector: $selector, partitionsDefName: $blocks, partitionKey: $key) {
    __typename ... on PythonError { message } ... on UnauthorizedError { message } } }"""
_LAUNCH = """mutation($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId status } }
  ... on PythonError { message } ... on Error { message } } }"""


class LaunchRefused(RagError):
    """Dagster heard the request and will not launch the run."""


class LaunchUnknown(RagError):
    """Dagster may have heard the request: whether the run was launched is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedRun:
    """A run that Dagster has accepted; ``is_queued`` says that it waits for others to end."""

    run_id: str
    is_queued: bool


class DagsterWebserver:
    """The webserver at ``url``; where each job lives is asked once and again when a job is not known."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._client = httpx.Client(base_url=url, timeout=timeout_s)
        self._homes: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Self:
        """Return the webserver, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def add_partition(self, job: str, blocks: str, key: str) -> None:
        """Add a partition key beside ``job``'s other definitions, unless it is there already."""
        answer = self._ask(_ADD, selector=self._home_of(job), blocks=blocks, key=key)["addDynamicPartition"]
        if answer["__typename"] not in ("AddDynamicPartitionSuccess", "DuplicateDynamicPartitionError"):
            raise LaunchRefused(f"Dagster does not add partition {key}: {answer.get('message') or answer}")

    def launch(self, job: str, *, partition: str, tags: Mapping[str, str]) -> LaunchedRun:
        """Launch ``job`` for one partition, which must exist: Dagster does not look.

        Raises ``LaunchRefused``, ``LaunchUnknown`` or, when nobody was there to hear it, ``DependencyUnavailable``.
        """
        parameters = {
            "selector": {**self._home_of(job), "jobName": job},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {
                "tags": [
                    {"key": key, "value": value} for key, value in {**tags, "dagster/partition": partition}.items()
                ]
            },
        }
        answer = self._ask(_LAUNCH, parameters=parameters)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            self._homes.clear()  # the code location may be another one by now
            raise LaunchRefused(f"Dagster does not launch {job}: {answer.get('message') or answer['__typename']}")
        run = answer["run"]
        return LaunchedRun(run_id=run["runId"], is_queued=run["status"] == "QUEUED")

    def _home_of(self, job: str) -> dict[str, str]:
        if job not in self._homes:
            answer = self._ask(_JOBS)["repositoriesOrError"]
            for repository in answer.get("nodes", ()):
                selector = {
                    "repositoryName": repository["name"],
                    "repositoryLocationName": repository["location"]["name"],
                }
                self._homes |= {each["name"]: selector for each in repository["jobs"]}
        if job not in self._homes:
            raise LaunchRefused(f"Dagster knows no job {job}.", remedy="Reload the code location in Dagster's UI.")
        return self._homes[job]

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        try:
            answer = self._client.post("/graphql", json={"query": query, "variables": variables})
        except httpx.ConnectError as error:
            raise DependencyUnavailable(f"{self._client.base_url}: {error}", dependency=DEPENDENCY) from error
        except httpx.TransportError as error:
            raise LaunchUnknown(f"{self._client.base_url} did not answer: {error or type(error).__name__}") from error
        try:
            body = answer.json()
            if answer.status_code == 200 and "errors" not in body:
                return body["data"]
        except (ValueError, KeyError):
            pass
        raise LaunchRefused(f"{self._client.base_url} answers {answer.status_code}: {answer.text[:300]}")
