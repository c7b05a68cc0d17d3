"""``GET /metrics``."""

from itertools import chain

from fastapi import APIRouter, Response

from query_api.dependencies import ConnectionsDep, MonitorDep
from query_api.observing.exposition import CONTENT_TYPE, exposition
from query_api.problems import PROBLEMS
from query_api.rights import sees_figures
from rag_core.callers import Scope

router = APIRouter(tags=["health"], responses=PROBLEMS)


@router.get(
    "/metrics",
    summary="Metrics",
    response_class=Response,
    responses={200: {"description": "Metrics in Prometheus' text format.", "content": {"text/plain": {}}}},
)
def metrics(connections: ConnectionsDep, caller: MonitorDep) -> Response:
    """Return the service's metrics and, from catalog and index, those of the collections that the key may use.

    A key with groups sees the service's alone: the others count documents of every group.
    """

    def sees(collection: str) -> bool:
        return sees_figures(caller) and caller.may(Scope.METRICS, collection)

    looked_up = chain(connections.catalog_figures.families(sees), connections.index_figures.families(sees))
    return Response(exposition(connections.telemetry.metrics.registry, looked_up), media_type=CONTENT_TYPE)
