"""What ``rag status``, ``rag sources list`` and ``/v1/streams`` say of streams that are not read."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from local_stack.cli import api_client
from local_stack.cli.streams_status import stream_lines
from local_stack.cli.waiting_for_stream import wait_until_done
from query_api.app import create_app
from query_api.connections import Connections
from rag_core.errors import DependencyUnavailable, InvalidRequest
from resources.clients.catalog.values import PartitionLimits, StopKind
from resources.clients.settings import Settings
from sensors.stream_troubles import noting_trouble
from tests.consuming.conftest import STREAM, note
from tests.pipeline.edge import EdgeServer
from tests.streams.conftest import Announcing

Rag = Callable[..., int]


@pytest.fixture
def shown(announcing: Announcing, database_url: str, edge: EdgeServer) -> Callable[[], dict[str, Any]]:
    """Return the stream as the API shows it, and as ``lines`` those of ``rag status``."""
    urls: dict[str, Any] = {"database_url": database_url, "qdrant_url": edge.url, "auth": "off"}

    def look() -> dict[str, Any]:
        announcing.loaded()
        settings = Settings(home=announcing.root, collections=announcing.root / "collections", **urls)
        app = create_app(settings, connections=Connections(settings, open_model=lambda _: announcing.embedder))
        with TestClient(app, base_url="http://localhost") as api:
            [collection] = api.get("/v1/streams").json()["collections"]
            asked = {"collection": announcing.name, "question": "cats?"}
            problem = api.post("/v1/ask", json=asked).json()
        [stream] = collection["streams"]
        lines = list(stream_lines([{**collection, "waiting_to_be_sent": 0}]))
        return {**stream, "lines": lines, "problem": problem}

    return look


def test_a_stopped_stream_says_so_with_its_command_and_no_old_lag(
    announcing: Announcing, shown: Callable[[], dict[str, Any]]
) -> None:
    announcing.send(("a", note("a")), ("b", note("b")), ("c", note("c")), partition=0)
    announcing.tick()
    assert "2 partitions, 3 read, lag 0, 0 dead letters" in shown()["lines"][0]
    announcing.kafka.recreate_topic(announcing.topic, partitions=2)
    announcing.send(("a", note("new")), partition=1)
    announcing.tick()
    stream = shown()
    [stop] = stream["stops"]
    command = f"rag sources confirm {announcing.name} {STREAM}"
    assert (stop["kind"], stop["source"], stop["remedy"]) == ("topic-recreated", STREAM, command)
    first, second = stream["lines"]
    assert first.startswith(f"{announcing.name}/{STREAM}: stopped: topic-recreated — Topic ")
    assert first.endswith(f" — {command}")
    assert "3 read, 0 dead letters" in second
    assert "lag" not in second
    [open_stop] = announcing.catalog.sources.stopped(announcing.name, STREAM)
    announcing.catalog.sources.confirm(open_stop.id, by="a person", limits=PartitionLimits(size=8, bytes=2**28))
    announcing.tick()
    stream = shown()
    assert (stream["stops"], [part["lag"] for part in stream["topics"][0]["partitions"]]) == ([], [0, 0])


def test_a_declared_stream_is_shown_before_it_is_read_and_with_what_keeps_it(
    announcing: Announcing, shown: Callable[[], dict[str, Any]], rag: Rag, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = shown()
    assert (stream["name"], stream["topics"], stream["moved_at"]) == (STREAM, [], None)
    assert stream["lines"] == [f"{announcing.name}/{STREAM}: not read yet; see 'rag logs listener'"]
    for _ in range(2):
        away = DependencyUnavailable("Kafka at nowhere:1\nrefused the login.", dependency="kafka")
        with (
            pytest.raises(DependencyUnavailable),
            noting_trouble(lambda: announcing.catalog, announcing.name, STREAM),
        ):
            raise away
    stream = shown()
    assert stream["trouble"]["reason"] == "Kafka at nowhere:1\nrefused the login."
    assert stream["trouble"]["tried_at"] > stream["trouble"]["since"]
    [line] = stream["lines"]
    assert line.startswith(f"{announcing.name}/{STREAM}: not read since ")
    assert line.endswith("Kafka at nowhere:1 refused the login.")
    capsys.readouterr()
    assert rag("sources", "list", "--json") == 0
    rows = {row["source"]: row for row in json.loads(capsys.readouterr().out)["sources"]}
    assert (rows[STREAM]["stopped"], rows[STREAM]["url"]) == (None, f"kafka://main/{announcing.topic}")
    assert rows[STREAM]["unread"].endswith("refused the login.")
    announcing.tick()
    assert shown()["trouble"] is None


def test_a_question_before_the_first_run_is_told_how_many_documents_are_pending(
    announcing: Announcing, shown: Callable[[], dict[str, Any]]
) -> None:
    assert "are pending" not in shown()["problem"]["detail"]
    announcing.send(("a", note("a")), ("b", note("b")))
    announcing.tick()
    told = shown()["problem"]
    assert f"No index serves '{announcing.name}' yet: 2 documents are pending" in told["detail"]
    assert "The first run makes the index" in told["remedy"]


def test_waiting_ends_when_what_was_sent_is_read_and_indexed(
    announcing: Announcing, database_url: str, edge: EdgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls: dict[str, Any] = {"database_url": database_url, "qdrant_url": edge.url, "auth": "off"}
    settings = Settings(home=announcing.root, collections=announcing.root / "collections", **urls)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: announcing.embedder))
    with TestClient(app, base_url="http://localhost") as api:
        monkeypatch.setattr(api_client, "get", lambda path: api.get(path).json())
        announcing.send(("a", note("a")), ("b", note("b")), partition=0)
        with pytest.raises(InvalidRequest, match="no collection reads topic"):
            wait_until_done(announcing.topic, {0: 1}, timeout_s=0)
        announcing.tick()
        with pytest.raises(InvalidRequest, match=f"{announcing.name} reads topic"):
            wait_until_done(announcing.topic, {0: 1}, timeout_s=0)
        announcing.run()
        done = wait_until_done(announcing.topic, {0: 1}, timeout_s=0)
        assert done[announcing.name]["indexed"] == 2
        with pytest.raises(InvalidRequest, match="not all that was sent"):
            wait_until_done(announcing.topic, {0: 2}, timeout_s=0)
        reason = "Partition 0 lost messages."
        announcing.catalog.sources.stop(announcing.name, STREAM, StopKind.OFFSETS_GONE, reason, {})
        with pytest.raises(InvalidRequest, match=r"stopped: offsets-gone — Partition 0 lost messages\. — rag sources"):
            wait_until_done(announcing.topic, {0: 1}, timeout_s=0)
