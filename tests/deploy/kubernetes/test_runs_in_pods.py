"""A run launched by the daemon is a pod of a real cluster; whatever becomes of the pod, its documents arrive.

One collection, one document a block. A pod is held (SIGSTOP) in the middle of its run, so that what happens to it
happens there.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from resources.clients.catalog.values import LANE_TAG, Lane
from resources.clients.dagster_webserver import DagsterWebserver
from tests.deploy.kubernetes.conftest import one_node
from tests.deploy.kubernetes.control_plane import ControlPlane
from tests.deploy.kubernetes.kubelet import Kubelet
from tests.deploy.kubernetes.kubelet.api import ApiServer
from tests.deploy.kubernetes.objects import NAMESPACE
from tests.deploy.kubernetes.platform import Platform, Run
from tests.services.loopback import wait_until

pytestmark = [pytest.mark.deploy, pytest.mark.xdist_group("kubernetes"), pytest.mark.timeout(400)]

NOTES = """\
name: notes
sources:
  - name: inbox
    url: s3://BUCKET/inbox
    sweep: {interval_s: 2}
partition_size: 1
runs:
  launch_grace_s: 30
  kubernetes:
    requests: {cpu: 500m}
    limits: {memory: 3Gi}
    node_selector: {pool: runs}
"""
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@pytest.fixture(scope="module")
def node(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    with one_node(control_plane, tmp_path_factory.mktemp("nodes"), "z-node", {"pool": "runs"}) as running:
        yield running


@pytest.fixture(scope="module")
def platform(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(control_plane, tmp_path_factory.mktemp("platform"), {"notes": NOTES}) as running:
        yield running


@pytest.fixture(scope="module")
def webserver(platform: Platform) -> Iterator[DagsterWebserver]:
    with DagsterWebserver(platform.start_webserver()) as asked:
        yield asked


class Corpus:
    """The documents so far: each test adds one, and all are there at its end."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.known = 0

    def add(self, what: str) -> None:
        self.known += 1
        self._platform.put(f"inbox/{what}.md", f"# {what}\n\nThe cupboard of {what} is on floor {self.known}.\n")

    def wait(self) -> None:
        self._platform.wait_indexed("notes", self.known)


@pytest.fixture(scope="module")
def corpus(platform: Platform) -> Corpus:
    return Corpus(platform)


def hold_a_run(
    platform: Platform, *nodes: Kubelet, runs: Callable[[Platform, str], list[Run]] = Platform.started
) -> tuple[Run, Kubelet, str]:
    """Return a run at work, its node and its pod, which stands still until it is let go."""

    def working() -> list[tuple[Run, Kubelet, str]]:
        pods = [(node, pod) for node in nodes for pod in node.running()]
        return [(run, *each) for run in runs(platform, "notes") for each in pods if each[1].startswith(run.job)]

    wait_until(lambda: bool(working()), what="a run at work")
    run, node, pod = working()[0]
    node.hold(pod)
    return run, node, pod


def ended(platform: Platform, run: Run) -> dg.DagsterRunStatus:
    """Return how a run ended."""
    return next(each.status for each in platform.runs("notes") if each.id == run.id)


def test_a_run_is_a_pod_and_its_job_names_no_secret(
    platform: Platform, node: Kubelet, corpus: Corpus, api: ApiServer
) -> None:
    corpus.add("arrives")
    corpus.wait()
    (run,) = platform.runs("notes")
    assert run.status is SUCCESS
    job = api.get(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{run.job}")
    spec = job["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"pool": "runs"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["resources"] == {
        "requests": {"cpu": "500m", "memory": "2Gi"},
        "limits": {"memory": "3Gi"},
    }
    told = str(job)
    assert not any(value in told for value in platform.secret_values())
    assert platform.keys("parquet/notes/")
    assert [key for key in platform.keys("dagster/") if run.id in key]  # what the run printed


def test_an_evicted_pod_gives_its_block_back(platform: Platform, node: Kubelet, corpus: Corpus, api: ApiServer) -> None:
    corpus.add("evicted")
    run, _, pod = hold_a_run(platform, node)
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    api.post(f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction", body)
    node.let_go(pod)
    corpus.wait()
    assert ended(platform, run) is FAILURE


def test_a_pod_that_dies_before_its_run_begins_gives_the_place_back(
    platform: Platform, node: Kubelet, corpus: Corpus
) -> None:
    corpus.add("stillborn")
    run, _, pod = hold_a_run(platform, node, runs=Platform.starting)
    node.kill9(pod)
    corpus.wait()
    assert ended(platform, run) is FAILURE
    assert "gone before the run began" in platform.failure(run)
    assert "timed out" not in platform.failure(run)


def test_a_job_that_somebody_deletes_is_made_up_for(
    platform: Platform, node: Kubelet, corpus: Corpus, api: ApiServer
) -> None:
    corpus.add("deleted")
    run, _, pod = hold_a_run(platform, node)
    api.delete(
        f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{run.job}",
        {"propagationPolicy": "Background", "gracePeriodSeconds": 0},
    )
    node.kill9(pod)
    corpus.wait()
    assert ended(platform, run) is FAILURE


def test_an_api_server_that_restarts_kills_no_run(
    platform: Platform, node: Kubelet, corpus: Corpus, control_plane: ControlPlane
) -> None:
    corpus.add("survives")
    run, _, pod = hold_a_run(platform, node)
    control_plane.stop_api_server()
    looked = platform.log("daemon").count(f"Checking run {run.id}")
    wait_until(
        lambda: platform.log("daemon").count(f"Checking run {run.id}") >= looked + 2,
        what="the monitoring to look twice while it is away",
    )
    node.let_go(pod)
    wait_until(lambda: ended(platform, run) is SUCCESS, what="the run to end while the API server is away")
    control_plane.start_api_server()
    corpus.wait()
    again = [each for each in platform.runs("notes") if each.partition == run.partition]
    assert again == [Run(id=run.id, status=SUCCESS, partition=run.partition)]


@pytest.mark.parametrize("lane", [Lane.FRESH, None])
def test_a_run_that_is_asked_for_over_http_is_a_pod(
    platform: Platform, webserver: DagsterWebserver, node: Kubelet, corpus: Corpus, api: ApiServer, lane: Lane | None
) -> None:
    corpus.add(f"asked-for-{lane}")
    corpus.wait()
    tags = {} if lane is None else {LANE_TAG: lane.value}

    launched = webserver.launch("ingest_notes_job", partition="000000", tags=tags)

    assert launched.is_queued == (lane is None)  # fresh work passes the queue by
    job = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/dagster-run-{launched.run_id}"
    if lane is not None:
        assert api.get(job)["metadata"]["labels"]["dagster/run-id"] == launched.run_id
    run = Run(id=launched.run_id, status=SUCCESS, partition="000000")
    wait_until(lambda: run in platform.runs("notes"), what="the run to succeed", limit_s=60)
    wait_until(lambda: api.get(job)["status"].get("succeeded") == 1, what="its job to be complete")


def test_a_node_that_is_gone_takes_no_document_with_it(
    platform: Platform, node: Kubelet, corpus: Corpus, another_node: Callable[..., Kubelet]
) -> None:
    doomed = another_node("a-node", pool="runs")
    corpus.add("stranded")
    run, there, _ = hold_a_run(platform, doomed)
    assert there is doomed
    doomed.vanish()
    corpus.wait()
    assert ended(platform, run) is FAILURE


def test_catalog_parquet_and_index_are_equal_after_all_that(platform: Platform, corpus: Corpus, tmp_path: Path) -> None:
    corpus.wait()
    assert len(platform.materialized("notes")) == corpus.known
    audit = platform.audit("notes")
    assert audit["clean"], audit
