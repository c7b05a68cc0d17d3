"""What the pool imports before it forks, and the promise that none of it has started a thread."""

import importlib
import logging
from pathlib import Path

_log = logging.getLogger("rag.run-workers")

MODULES = (
    "dagster._cli.api",
    "dagster._core.execution.plan.active",
    "dagster._core.executor.in_process",
    "dagster._core.storage.noop_compute_log_manager",
    "dagster._core.workspace.autodiscovery",
    "dagster_postgres",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "psycopg",
    "numpy",
    "pyarrow.compute",
    "pyarrow.parquet",
    "httpcore",
    "encodings.idna",
    "tokenizers",
    "obstore",
    "rag_assets.definitions",
    "resources.block_work",
    "resources.ingestion.run",
    "resources.ingestion.checking.blocks",
    "resources.clients.catalog",
    "resources.clients.embedders.openvino_bert",
    "resources.clients.object_store",
    "resources.clients.parsing",
    "resources.clients.vector_stores",
    "local_stack.warm_runs.coordinator",
    "local_stack.warm_runs.launcher",
    "local_stack.warm_runs.worker",
)
"""Not OpenVINO: importing it starts a thread; each worker does that for itself."""

MODULES_OF_STORE = {
    "qdrant": ("qdrant_client", "resources.clients.qdrant.store"),
    "timescale": ("timescale_vector.client", "resources.clients.timescale.store"),
}

THREADLESS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""With these, NumPy and Arrow start no thread of their own when they are imported."""


def import_ahead() -> None:
    """Import what runs import. A module that does not load is left to the run, which fails and says why."""
    from resources.clients.settings import load_settings

    for module in (*MODULES, *MODULES_OF_STORE[load_settings().vectors]):
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001 - whatever a module does wrong, the run will say it
            _log.exception("%s does not load", module)
    try:
        _build_definitions_once()
    except Exception:  # noqa: BLE001 - as above
        _log.exception("the definitions do not load")


def _build_definitions_once() -> None:
    """Build what a run will build, for what Dagster and pydantic make at first use; the result is thrown away."""
    from rag_assets.definitions import build_definitions
    from resources.clients.settings import load_settings

    build_definitions(load_settings()).get_repository_def()


def thread_names() -> list[str]:
    """Return the names of this process's threads, the native ones too; of one where there is no procfs."""
    tasks = Path("/proc/self/task")
    if not tasks.exists():
        return ["main"]
    return [(task / "comm").read_text().strip() for task in tasks.iterdir()]
