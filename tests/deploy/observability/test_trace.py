"""One trace from upload to answer, through ``rag up``, read back from a real Jaeger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.ingestion.tracing import Step
from tests.deploy.observability.conftest import Jaeger, watched_stack
from tests.e2e.stack import Stack

pytestmark = pytest.mark.deploy

TRACE, CLIENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = {"traceparent": f"00-{TRACE}-{CLIENT}-01"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, shelf: Path, jaeger: Jaeger) -> Iterator[Stack]:
    stack = watched_stack(tmp_path_factory.mktemp("stack"), shelf, otlp_endpoint=jaeger.otlp)
    stack.environment["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=tried"
    with stack:
        yield stack


def test_an_upload_its_run_and_the_answer_are_one_trace(stack: Stack, jaeger: Jaeger) -> None:
    text = "# The watch\n\nThe night watch counts the boats in the harbour at half past four.\n"
    accepted = stack.api.post(
        "/v1/documents", params={"collection": "notes"}, files={"file": ("watch.md", text)}, headers=PARENT
    )
    job = accepted.raise_for_status().json()["job_id"]
    stack.wait_for("the upload, indexed", lambda: stack.api.get(f"/v1/jobs/{job}").json()["status"] == "Completed")
    question = {"collection": "notes", "question": "When does the night watch count the boats?"}
    answer = stack.api.post("/v1/ask", json=question, headers=PARENT).raise_for_status().json()
    assert "half past four" in answer["answer"]

    wanted = {"POST /v1/documents", "POST /v1/ask", "encode", "search", "read", "fuse", "quote", "run", *map(str, Step)}

    def whole() -> list[dict[str, Any]] | None:
        spans = jaeger.spans(TRACE)
        return spans if wanted <= {span["operationName"] for span in spans} else None

    spans = stack.wait_for(f"{wanted} in Jaeger", whole, limit_s=60)
    by_id = {span["spanID"]: span for span in spans}
    assert {span["service"] for span in spans} == {"rag-query-api", "rag-ingestion"}
    for span in spans:
        parents = [each["spanID"] for each in span["references"] if each["refType"] == "CHILD_OF"]
        assert parents, f"{span['operationName']} begins a trace of its own"
        assert all(parent in by_id or parent == CLIENT for parent in parents), span["operationName"]
    named = {span["operationName"]: span for span in spans}
    order = ["POST /v1/documents", *map(str, Step), "POST /v1/ask"]
    starts = [named[name]["startTime"] for name in order]
    assert starts == sorted(starts)
    run_ids = {tag["value"] for span in spans for tag in span["tags"] if tag["key"] == "rag.run_id"}
    assert len(run_ids) == 1
    assert answer["citations"][0]["lineage"]["made_by"]["run_id"] in run_ids


def test_the_standard_variables_reach_the_runs(stack: Stack, jaeger: Jaeger) -> None:
    import httpx

    trace = httpx.get(f"{jaeger.query}/api/traces/{TRACE}", timeout=10).json()["data"][0]
    told = {
        process["serviceName"]: {tag["key"]: tag["value"] for tag in process["tags"]}
        for process in trace["processes"].values()
    }
    assert {tags["deployment.environment.name"] for tags in told.values()} == {"tried"}
