"""What a collection's file declares of its sources and streams, as the catalog remembers it."""

from rag_core.collection import BucketSource, Collection
from rag_core.identity import fingerprint


def declared_sources(collection: Collection) -> dict[str, str]:
    """Return, by name, what changes when the documents that a source or stream may hold do."""
    buckets = {source.name: globs_fingerprint(source) for source in collection.sources}
    return buckets | {stream.name: fingerprint(["stream", stream.name]) for stream in collection.streams}


def globs_fingerprint(source: BucketSource) -> str:
    """Return what changes when the source's globs do."""
    return fingerprint([sorted(source.include), sorted(source.exclude), sorted(source.ignore), source.sidecar_suffix])
