"""A message's trace goes with its document: from the header into the catalog, from there to every step of the run."""

import json
from pathlib import Path

from resources.clients.settings import Settings
from resources.clients.tracing import open_traces
from tests.catalog.observing import rows
from tests.consuming.conftest import Streamed, note
from tests.services.otlp import OtlpReceiver

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_a_message_is_one_trace_up_to_its_searchable_document(
    streamed: Streamed, database_url: str, tmp_path: Path
) -> None:
    for key, parent in (("cats", PARENT), ("dogs", "00-none"), ("eels", "")):
        headers = [("traceparent", parent.encode())] if parent else []
        streamed.kafka.send(streamed.topic, [(key.encode(), json.dumps(note(key)).encode())], headers=headers)
    streamed.tick()
    recorded = "SELECT key, traceparent FROM arrivals ORDER BY number"
    kept = {key.rpartition("/")[2]: parent for key, parent in rows(database_url, recorded)}
    assert kept == {"cats": PARENT, "dogs": None, "eels": None}
    with OtlpReceiver() as receiver:
        traces = open_traces(Settings(home=tmp_path, otlp_endpoint=receiver.url), service="runs")
        streamed.run(traces=traces)
        traces.close()
    steps = [span for span in receiver.spans if span.name != "run"]
    assert [span.name for span in sorted(steps, key=lambda span: span.end_ns)] == [
        "recorded",
        "claimed",
        "parsed",
        "chunked",
        "embedded",
        "written",
    ]
    assert {(span.trace_id, span.parent_id) for span in steps} == {(TRACE, "00f067aa0ba902b7")}
