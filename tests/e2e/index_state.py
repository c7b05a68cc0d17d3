"""What an index holds, in a form in which two indexes can be compared: everything but arrival, run and time."""

from contextlib import closing
from typing import Any

import numpy as np

from rag_core.index_spec import DENSE, SPARSE, Payload
from resources.clients.qdrant.connect import connect

LEFT_OUT = frozenset(
    {
        Payload.MADE_BY_ARRIVAL,
        Payload.MADE_BY_RUN,
        Payload.MADE_AT,
        Payload.CONFIRMED_BY_ARRIVAL,
        Payload.CONFIRMED_BY_RUN,
    }
)

Points = dict[str, tuple[dict[str, Any], np.ndarray, dict[int, float]]]


def points_of(url: str, collection: str) -> Points:
    """Return every point: id → payload without lineage, dense vector, sparse vector."""
    found: Points = {}
    with closing(connect(url)) as client:
        offset = None
        while True:
            page, offset = client.scroll(collection, limit=500, offset=offset, with_payload=True, with_vectors=True)
            for point in page:
                payload = {key: value for key, value in (point.payload or {}).items() if key not in LEFT_OUT}
                sparse = point.vector[SPARSE]
                weights = dict(zip(sparse.indices, sparse.values, strict=True))
                assert str(point.id) not in found
                found[str(point.id)] = (payload, np.asarray(point.vector[DENSE], np.float32), weights)
            if offset is None:
                return found


def assert_equal(found: Points, expected: Points) -> None:
    """Fail unless both hold the same points: id, text, place, metadata, rights; vectors by cosine of 0.9999."""
    assert set(found) == set(expected)
    for point, (payload, dense, sparse) in found.items():
        other_payload, other_dense, other_sparse = expected[point]
        assert payload == other_payload
        assert float(dense @ other_dense) >= 0.9999
        assert set(sparse) == set(other_sparse)
