"""The sensors of Kafka: one reads a stream, a bounded tick each time, and says what it read; one sends outcomes."""

from contextlib import closing

import dagster as dg

from rag_core.kafka import Stream
from resources.clients.collection_files import LoadedCollection
from sensors.bucket_sensor import MINIMUM_INTERVAL_S
from sensors.connections import OpenCatalog, shared_catalog
from sensors.declarations import declared_now

_OUTBOX_S = 2.0
_SHOWN_PARTITIONS = 12


def build_kafka_sensor(
    loaded: LoadedCollection,
    stream: Stream,
    *,
    minimum_interval_s: int = MINIMUM_INTERVAL_S,
    open_catalog: OpenCatalog = shared_catalog,
) -> dg.SensorDefinition:
    """Return the sensor ``consume_<collection>_<stream>``; it records and asks for nothing, the due-work sensor does.

    Where a listener runs, it finds everything recorded already; without one it brings everything in at its own pace,
    and sends what waits in the outbox.
    """
    collection = loaded.collection

    @dg.sensor(
        name=f"consume_{collection.name}_{stream.name}",
        minimum_interval_seconds=minimum_interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Reads {', '.join(stream.topics)} at the catalog's position and records what came. "
        "It fails while Kafka is away, and while the stream waits for a person.",
        tags={"rag/collection": collection.name},
    )
    def consume(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from sensors.source_stops import stopped_error
        from sensors.stream_troubles import noting_trouble
        from sensors.streams import shared_stream

        now = declared_now(loaded)  # the listener reads by the file as it is, and so must this
        declared = next((each for each in now.collection.streams if each.name == stream.name), None)
        if declared is None:
            return dg.SkipReason(f"{stream.name} is not in the collection's file any more.")
        with shared_stream(now, declared, open_catalog()) as opened:
            if opened is None:
                return dg.SkipReason(f"{stream.name}: another tick reads this stream.")
            with noting_trouble(open_catalog, collection.name, stream.name):
                tick = opened.consumer.tick()
            opened.sender.send_waiting(max_s=_OUTBOX_S)
        if tick.stops:
            raise stopped_error(list(tick.stops))
        for line in tick.partitions:
            context.log.info(line)
        return dg.SkipReason(" ".join([tick.described(), *tick.partitions[:_SHOWN_PARTITIONS]]))

    return consume


def build_outbox_sensor(
    loaded: LoadedCollection,
    *,
    minimum_interval_s: int = MINIMUM_INTERVAL_S,
    open_catalog: OpenCatalog = shared_catalog,
) -> dg.SensorDefinition:
    """Return the sensor ``send_<collection>``, for a collection that reads no stream and announces its outcomes."""
    collection = loaded.collection

    @dg.sensor(
        name=f"send_{collection.name}",
        minimum_interval_seconds=minimum_interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends what waits in the collection's outbox; where a listener runs, it finds nothing to send.",
        tags={"rag/collection": collection.name},
    )
    def send() -> dg.SkipReason:
        from sensors.streams import open_sender

        with closing(open_sender(loaded, open_catalog())) as sender:
            sent = sender.send_waiting(max_s=_OUTBOX_S)
        return dg.SkipReason(f"{sent} messages sent.")

    return send
