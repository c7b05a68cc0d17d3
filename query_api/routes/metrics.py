"""``GET /metrics``."""

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
    """Return the service's metrics and, from the catalog, those of the collections that the key may use.

    A key with groups sees the service's alone: the catalog's figures count documents of every group.
    """
    families = connections.catalog_figures.families(
        lambda collection: sees_figures(caller) and caller.may(Scope.METRICS, collection)
    )
    return Response(exposition(connections.telemetry.metrics.registry, families), media_type=CONTENT_TYPE)
