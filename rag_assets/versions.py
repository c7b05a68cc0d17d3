"""Code versions of the four layers: they change when a layer's rows would come out differently."""

from importlib.metadata import version

from rag_core.analyzer import ANALYZER_VERSION
from rag_core.chunking import CHUNKER_VERSION
from rag_core.collection import Collection
from rag_core.identity import fingerprint
from rag_core.index_spec import LAYOUT_VERSION
from rag_core.rows import ROWS_VERSION
from resources.clients.parsing.versions import PARSER_VERSIONS


def code_versions_of(collection: Collection) -> dict[str, str]:
    """Return each layer's code version: what decides its rows besides the documents themselves."""
    chunking = collection.chunking.model_dump(mode="json")
    return {
        "documents": fingerprint([ROWS_VERSION, dict(PARSER_VERSIONS)]),
        "chunks": fingerprint([ROWS_VERSION, CHUNKER_VERSION, chunking]),
        "embeddings": fingerprint([ROWS_VERSION, collection.embedding.model, ANALYZER_VERSION]),
        "vectors": fingerprint([LAYOUT_VERSION]),
    }


def code_version_of(collection: Collection) -> str:
    """Return the one code version that lineage carries: the release, and a digest of the layers' versions."""
    return f"{version('rag-assets')}+{fingerprint(code_versions_of(collection))}"
