"""The sensor that reads a stream goes by the collection's file as it is now."""

from contextlib import ExitStack

import dagster as dg

from sensors import streams
from sensors.kafka_sensor import build_kafka_sensor
from tests.streams.conftest import Announcing
from tests.streams.test_dead_letters import MAPPING, OTHER_JSON


def test_an_edited_mapping_and_a_stream_taken_out_need_no_reload(announcing: Announcing) -> None:
    loaded = announcing.loaded()
    sensor = build_kafka_sensor(loaded, announcing.stream, open_catalog=lambda: announcing.catalog)
    with ExitStack() as opened, dg.build_sensor_context() as context:
        opened.callback(_close, announcing)
        announcing.send((None, OTHER_JSON), partition=0)
        sensor(context)
        assert len(announcing.letters()) == 1
        announcing.stream_settings = MAPPING
        announcing.loaded()
        announcing.send((None, OTHER_JSON), partition=0)
        sensor(context)
        assert len(announcing.letters()) == 1
        announcing.stream_settings = {"name": "other"}
        announcing.loaded()
        skipped = sensor(context)
        assert isinstance(skipped, dg.SkipReason)
        assert "not in the collection's file any more" in (skipped.skip_message or "")


def _close(announcing: Announcing) -> None:
    for place in [each for each in streams._OPEN if each[1] == announcing.name]:
        left = streams._OPEN.pop(place)
        left.consumer.close()
        left.sender.close()
