"""Nothing lost, nothing twice: kill -9 at any moment, backfills at once; the end state is that of a fresh ingest."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.index_state import Points, assert_equal, points_of
from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("e2e")

BLOCK = 20
WORDS = ("anchor", "basket", "candle", "dragon", "engine", "forest", "garden", "hammer", "island", "jacket")

BACKFILL = """mutation($keys: [String!]!, $assets: [AssetKeyInput!]!) {
  launchPartitionBackfill(backfillParams: {assetSelection: $assets, partitionNames: $keys}) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  } }"""
STATUS = "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"


def note(rng: random.Random, name: str) -> str:
    lines = [f"{name} speaks of the {rng.choice(WORDS)} and the {rng.choice(WORDS)}, item {rng.randrange(10_000)}."]
    lines += [" ".join(rng.choices(WORDS, k=30)).capitalize() + "." for _ in range(rng.randint(1, 6))]
    return f"# {name}\n\n" + "\n\n".join(lines) + "\n"


def index_of(stack: Stack) -> Points:
    return points_of(f"http://127.0.0.1:{stack.ports['QDRANT']}", "notes")


def quiet(stack: Stack, keys: set[str]) -> None:
    """Wait until exactly ``keys`` are present and settled, nothing is due and no run goes on."""

    def settled() -> bool:
        states = {key: document["state"] for key, document in stack.documents().items()}
        present = {key for key, state in states.items() if state in {"indexed", "unchanged"}}
        runs = stack.graphql("{ runsOrError { ... on Runs { results { status } } } }")["runsOrError"]["results"]
        going = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"}
        return (
            present == keys
            and all(state == "deleted" for key, state in states.items() if key not in keys)
            and not any(run["status"] in going for run in runs)
        )

    stack.wait_for("everything settled", settled, limit_s=280)


def uris(points: Points) -> set[str]:
    return {payload["uri"] for payload, _, _ in points.values()}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "stack", partition_size=BLOCK) as running:
        yield running


def from_scratch(folder: Path, source: Stack) -> Points:
    """Return the index of a new stack that ingests the same folder under the same URIs."""
    with Stack(folder, partition_size=BLOCK, source_url=source.inbox.as_uri()) as fresh:
        quiet(fresh, {str(path.relative_to(source.inbox)) for path in source.inbox.rglob("*.md")})
        return index_of(fresh)


@pytest.mark.timeout(900)
def test_killed_processes_lose_and_double_nothing(stack: Stack, tmp_path: Path) -> None:
    rng = random.Random(20)
    keys = {f"n{number:03d}.md" for number in range(90)}
    runs = "local_stack.warm_runs"  # the pool and every worker with a run
    victims = [runs, "local_stack.dagster_daemon", "local_stack.edge_server", "sensors.watcher", runs, "grpc"]
    for turn, key in enumerate(sorted(keys)):
        stack.write(key, note(rng, key))
        if turn % 15 == 14:
            stack.kill9(victims[turn // 15])
    quiet(stack, keys)

    # Then everything at once, in the middle of changes.
    for key in sorted(keys)[:30]:
        stack.write(key, note(rng, key + " anew"))
    gone = set(sorted(keys)[60:70])
    for key in gone:
        (stack.inbox / key).unlink()
    stack.kill9(runs)
    stack.kill9("local_stack.run_supervisor")
    stack.wait_for("all parts dead", lambda: not stack.pids(having="local_stack.edge_server"), limit_s=60)
    stack.up()
    quiet(stack, keys - gone)
    found = index_of(stack)
    assert uris(found) == {(stack.inbox / key).as_uri() for key in keys - gone}
    stack.rag("down")
    assert_equal(found, from_scratch(tmp_path / "fresh", stack))


@pytest.mark.timeout(900)
def test_overlapping_backfills_while_documents_arrive_end_as_from_scratch(stack: Stack, tmp_path: Path) -> None:
    rng = random.Random(30)
    keys = {f"n{number:03d}.md" for number in range(60)}
    for key in sorted(keys):
        stack.write(key, note(rng, key))
    quiet(stack, keys)

    assets = [{"path": ["notes", layer]} for layer in ("documents", "chunks", "embeddings", "vectors")]
    done = {"COMPLETED", "COMPLETED_SUCCESS"}
    launched = []
    for blocks in (["000000", "000001"], ["000001", "000002"]):
        answer = stack.graphql(BACKFILL, keys=blocks, assets=assets)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        launched.append(answer["backfillId"])
    for number in range(60, 75):
        stack.write(f"n{number:03d}.md", note(rng, f"new {number}"))
        keys.add(f"n{number:03d}.md")
    for key in ("n003.md", "n025.md", "n044.md"):
        stack.write(key, note(rng, f"{key} edited"))
    (stack.inbox / "n010.md").unlink()
    keys.remove("n010.md")

    for backfill in launched:
        stack.wait_for(
            f"backfill {backfill}",
            lambda backfill=backfill: stack.graphql(STATUS, id=backfill)["partitionBackfillOrError"]["status"] in done,
            limit_s=240,
        )
    quiet(stack, keys)
    runs = stack.graphql("{ runsOrError { ... on Runs { results { status } } } }")["runsOrError"]["results"]
    assert {run["status"] for run in runs} == {"SUCCESS"}
    found = index_of(stack)
    stack.rag("down")
    assert_equal(found, from_scratch(tmp_path / "fresh", stack))
