"""Sensors look, record, plan and answer; they receive their job and import no assets.

``build_sensors`` is all that the composition root needs. The watcher (``python -m sensors.watcher``) shares everything
but Dagster with them, so importing this package does not import Dagster.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg
    from dagster._core.definitions.target import ExecutableDefinition

    from resources.clients.collection_files import LoadedCollection


def build_sensors(
    loaded: "LoadedCollection", *, job: "ExecutableDefinition", blocks: "dg.DynamicPartitionsDefinition"
) -> "list[dg.SensorDefinition]":
    """Return a collection's sensors: for each source, for each stream, for what is to be sent, for the runs."""
    from sensors.bucket_sensor import build_bucket_sensor
    from sensors.due_work_sensor import build_due_work_sensor
    from sensors.kafka_sensor import build_kafka_sensor, build_outbox_sensor

    sweeps = [build_bucket_sensor(loaded, source) for source in loaded.collection.sources]
    streams = [build_kafka_sensor(loaded, stream) for stream in loaded.collection.streams]
    if loaded.collection.kafka is not None and not streams:  # nobody else would send its outcomes
        streams = [build_outbox_sensor(loaded)]
    return [*sweeps, *streams, build_due_work_sensor(loaded, job=job, partitions_def=blocks)]
