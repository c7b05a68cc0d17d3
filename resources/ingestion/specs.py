"""What rows and points depend on besides a document's bytes, each as a fingerprint computed in one place."""

from rag_core.chunking import CHUNKER_VERSION
from rag_core.collection import Collection
from rag_core.identity import fingerprint
from resources.clients.catalog.values import ProcessingSpec
from resources.clients.parsing.versions import PARSER_VERSIONS


def processing_spec(collection: Collection) -> ProcessingSpec:
    """Return what the collection's documents depend on now; the catalog makes due what another spec made."""
    rules = {
        source.name: fingerprint(
            [
                source.name,
                [rule.model_dump(mode="json", by_alias=True) for rule in source.metadata],
                collection.default_access,
            ]
        )
        for source in (*collection.sources, *collection.streams)
    }
    return ProcessingSpec(
        parser_versions=frozenset(PARSER_VERSIONS.values()),
        chunking=fingerprint([collection.chunking.model_dump(mode="json"), CHUNKER_VERSION]),
        metadata_rules=rules,
    )
