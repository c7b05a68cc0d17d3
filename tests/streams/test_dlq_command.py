"""``rag dlq`` and what the API shows of streams."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from local_stack.cli.streams_status import stream_lines
from query_api.app import create_app
from query_api.connections import Connections
from resources.clients.settings import Settings
from tests.consuming.conftest import note
from tests.pipeline.edge import EdgeServer
from tests.streams.conftest import Announcing
from tests.streams.test_dead_letters import MAPPING, OTHER_JSON

Rag = Callable[..., int]


def test_list_and_show_bound_what_they_print_and_escape_it(
    announcing: Announcing, rag: Rag, capsys: pytest.CaptureFixture[str]
) -> None:
    announcing.kafka.send(
        announcing.topic, [(b"k\x1b[2J", b"\x1b[31mno json " + b"x" * 10_000)], headers=[("trace", b"\x1b]0;")]
    )
    announcing.tick()
    capsys.readouterr()
    assert rag("dlq", "list", "--collection", announcing.name) == 0
    shown = capsys.readouterr().out
    assert announcing.topic in shown
    assert "not-json" in shown
    [row] = announcing.letters()
    assert rag("dlq", "show", str(row.id)) == 0
    shown += capsys.readouterr().out
    assert "\x1b" not in shown
    assert "the first 4096 of them" in shown
    assert len(shown) < 8000
    assert rag("dlq", "show", str(row.id), "--json") == 0
    assert json.loads(capsys.readouterr().out)["value_bytes"] == 10_013
    assert rag("dlq", "show", str(row.id + 1)) == 2
    capsys.readouterr()
    assert rag("dlq", "list", "--kind", "bogus") == 2
    refused = " ".join(capsys.readouterr().err.split())
    assert "'bogus'" in refused
    assert "not-json, no-form, bad-field" in refused


def test_replay_ends_with_1_while_any_fits_no_form(
    announcing: Announcing, rag: Rag, capsys: pytest.CaptureFixture[str]
) -> None:
    announcing.send((None, OTHER_JSON), (None, b"no json"))
    announcing.tick()
    announcing.stream_settings = MAPPING
    assert rag("dlq", "replay", "--all", "--collection", announcing.name, "--json") == 1
    done = json.loads(capsys.readouterr().out)
    assert (done["settled"], sorted(each["end"] for each in done["replayed"])) == (1, ["recorded", "still dead"])
    assert rag("dlq", "discard", "--all", "--stream", "events") == 2  # nobody can be asked
    assert rag("dlq", "discard", "--all", "--stream", "events", "--yes") == 0
    assert rag("dlq", "replay") == 2
    assert announcing.letters() == []


def test_the_api_shows_how_far_streams_are_and_what_waits(
    announcing: Announcing, database_url: str, edge: EdgeServer
) -> None:
    announcing.send(("a", note("cats")), ("b", b"no json"), partition=1)
    announcing.tick()
    announcing.run()
    urls: dict[str, Any] = {"database_url": database_url, "qdrant_url": edge.url, "auth": "off"}
    settings = Settings(home=announcing.root, **urls)
    app = create_app(settings, connections=Connections(settings, open_model=lambda _: announcing.embedder))
    with TestClient(app, base_url="http://localhost") as api:
        [shown] = api.get("/v1/streams").json()["collections"]
        [listed] = api.get("/v1/collections").json()["collections"]
    assert (shown["collection"], shown["waiting_to_be_sent"]) == (announcing.name, 2)
    [stream] = shown["streams"]
    assert (stream["name"], stream["records"], stream["dead_letters"]) == ("events", 2, 1)
    [topic] = stream["topics"]
    counted = ("partition", "next_offset", "records", "dead_letters")
    counts = [tuple(part[name] for name in counted) for part in topic["partitions"]]
    assert counts == [(0, 0, 0, 0), (1, 2, 2, 1)]
    assert topic["partitions"][0]["newest_message_age_s"] is None
    assert topic["partitions"][1]["newest_message_age_s"] >= 0
    assert listed["streams"][0]["topics"][0]["topic"] == announcing.topic
    assert listed["waiting_to_be_sent"] == 2
    lines = "\n".join(stream_lines([shown]))
    assert f"topic {announcing.topic}, 2 partitions, 2 read, lag 0, 1 dead letters" in lines
    assert "2 messages wait to be sent" in lines
