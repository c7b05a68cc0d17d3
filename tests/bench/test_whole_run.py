"""The benchmark itself, on very little of everything: that it measures what it names, and leaves nothing behind."""

from pathlib import Path

import pytest

from bench.found import KEYS, PARTS
from bench.running import Bench
from bench.scale import Given, Scale
from local_stack.kafka_broker.jars import fetch_jars
from local_stack.kafka_broker.java import find_java
from rag_core.errors import RagError
from tests.evaluation.collection import write_collection

pytestmark = pytest.mark.xdist_group("bench")

VERY_LITTLE = Scale(
    every=1,
    repetitions=2,
    raw_every=1,
    compared=8,
    questions=6,
    rate_s=0.2,
    load_minute_s=0.3,
    fresh_times=2,
    many_documents=10,
    edits=2,
    objects=(10, 100),
    arrivals=200,
    pages=3,
    messages=60,
)


def parts_of_this_machine() -> list[str]:
    try:
        fetch_jars(java=find_java())
    except RagError:
        return [part for part in PARTS if part != "kafka"]
    return list(PARTS)


@pytest.mark.timeout(600)
def test_a_run_of_all_parts_gives_every_figure_and_says_where_its_seconds_went(tmp_path: Path) -> None:
    given = Given(data=write_collection(tmp_path / "data"), pdfs=None, events=None)
    work = tmp_path / "work"
    work.mkdir()
    parts = parts_of_this_machine()
    bench = Bench(VERY_LITTLE, given, parts, work)
    bench.run()
    assert not bench.has_failed
    values = {key: value for each in bench.found.values() for key, value in each.values.items()}
    reasons = {key: why for each in bench.found.values() for key, why in each.reasons.items()}
    assert values.keys() | reasons.keys() == {key for part in parts for key in PARTS[part]}
    assert reasons.keys() <= {"tick_s_100k_objects", "encoder_vs_sentence_transformers"}
    assert values["rerun_embedded"] == values["rerun_written"] == 0
    assert values["load_errors"] == 0
    counted = {key: value for key, value in values.items() if not key.startswith(("rerun_", "load_"))}
    assert all(value is not None and value > 0 for value in counted.values()), counted
    details = {name: rows for each in bench.found.values() for name, rows in each.details.items()}
    assert details["end to end"]["repetitions"] == 2
    assert float(details["core-seconds end to end"]["run"] or 0) > 0
    assert details["one edit in 10 documents"]["times"] == 2
    assert float(details["beside 200 arrivals"]["recorded_per_s"] or 0) > 0
    assert all(each.seconds > 0 and each.at for each in bench.found.values())
    assert {"the stack comes up", "the stack goes down"} <= bench.steps.keys()
    assert [path.name for path in work.iterdir()] == ["pages.pdf"]
    assert values.keys() <= KEYS.keys()
