"""Which index a run writes to: the one that serves, with the spec stored in it, whatever the YAML says by now."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from rag_core.analyzer import ANALYZER_VERSION
from rag_core.collection import Collection
from rag_core.embedding import Embedder
from rag_core.errors import ConfigurationError
from rag_core.index_spec import IndexSpec
from rag_core.vector_index import IndexWriter
from resources.clients.catalog.indexes import Indexes

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveIndex:
    """The physical index that serves, its spec, and in words what the YAML asks for instead (empty: the same).

    ``lost_documents`` are those made due because the index they were in was gone.
    """

    physical: str
    spec: IndexSpec
    yaml_differs: str
    lost_documents: int = 0


def active_index(
    collection: Collection,
    indexes: Indexes,
    writer: IndexWriter,
    embedder: Callable[[str], Embedder],
    *,
    writes: bool,
) -> ActiveIndex:
    """Return the collection's index, made if there is none yet or if it was lost; ``writes=False`` makes nothing.

    A lost index is made again with the spec the catalog remembers, not with the YAML's: its vectors rest in Parquet.
    """
    served = writer.spec_of(collection.name) if writes else None
    lost = recover_lost(collection.name, indexes, writer) if writes and served is None else 0
    known = served or indexes.active(collection.name)
    model = collection.embedding.model
    spec = wanted_spec(embedder(model), model) if known is None else known[1]
    physical = spec.physical_name(collection.name)
    if writes:
        physical = writer.ensure(collection.name, spec, collection.index.fields)
        registered = indexes.register(collection.name, physical, spec)
        if registered[0] != physical:
            raise ConfigurationError(
                f"Readers of {collection.name} are sent to {physical}, but the catalog says {registered[0]}.",
                remedy="Point the alias at the index the catalog names.",
            )
    return ActiveIndex(physical=physical, spec=spec, yaml_differs=_differing(collection, spec), lost_documents=lost)


def recover_lost(collection: str, indexes: Indexes, writer: IndexWriter) -> int:
    """Make every document of a lost index due again; return how many, 0 when nothing serves yet or all is there.

    The documents come first and the index afterwards: were it the other way round, a run that died between the two
    would leave an empty index that looks like a good one.
    """
    active = indexes.active(collection)
    if active is None or writer.spec_of(collection) is not None:
        return 0
    documents = indexes.lost(collection, active[0])
    _log.error("The index %s is gone: %d documents are due again and will be written anew.", active[0], documents)
    return documents


def wanted_spec(embedder: Embedder, model: str) -> IndexSpec:
    """Return the spec of an index made now with this embedder."""
    return IndexSpec(
        model=model, model_identity=embedder.identity, dimension=embedder.dimension, analyzer=ANALYZER_VERSION
    )


def checked(embedder: Embedder, spec: IndexSpec) -> Embedder:
    """Return the embedder if its vectors fit the index; raises ``ConfigurationError`` otherwise.

    Vectors of other weights under the same name would be nonsense beside the ones that are there.
    """
    if embedder.identity != spec.model_identity or spec.analyzer != ANALYZER_VERSION:
        raise ConfigurationError(
            f"The index was made with {spec.model_identity} and analyzer {spec.analyzer}, "
            f"now there are {embedder.identity} and {ANALYZER_VERSION}.",
            remedy="Install the weights and the version it was made with; the index keeps serving.",
        )
    return embedder


def _differing(collection: Collection, spec: IndexSpec) -> str:
    if collection.embedding.model == spec.model:
        return ""
    return (
        f"The collection's file asks for {collection.embedding.model}, the index that serves was made with "
        f"{spec.model} and goes on with it."
    )
