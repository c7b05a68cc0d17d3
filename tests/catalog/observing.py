"""Short ways to say what was observed."""

from rag_core.arrivals import Observation, Presence
from resources.clients.catalog.values import PartitionLimits

COLLECTION = "papers"
SOURCE = "bucket"
LIMITS = PartitionLimits(size=4, bytes=1000)
ROOMY = PartitionLimits(size=512, bytes=256 * 1024 * 1024)


def present(key: str, announced: str = "v1", *, size_bytes: int = 10) -> Observation:
    return Observation(
        key=key, uri=f"file:///{key}", presence=Presence.PRESENT, announced=announced, size_bytes=size_bytes
    )


def gone(key: str) -> Observation:
    return Observation(key=key, uri=f"file:///{key}", presence=Presence.GONE, announced="", size_bytes=0)
