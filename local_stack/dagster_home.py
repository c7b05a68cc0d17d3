"""Dagster's home: its instance configuration (storage, queue, sensors, retries) and the workspace it serves."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local_stack.private_files import write_private
from resources.clients.collection_files import usable_collections
from resources.clients.settings import Settings

DATABASE_VARIABLE = "DAGSTER_POSTGRES_URL"
SCHEMA = "dagster"
MAX_RUNS_AT_ONCE = 2

FEWEST_SENSOR_THREADS = 8
MOST_SENSOR_THREADS = 64
_SPARE_SENSOR_THREADS = 4
_UI_THREADS = 8

# JSON is YAML, too; written so that nobody has to install a YAML writer to start a stack.
INSTANCE: dict[str, Any] = {
    "storage": {"postgres": {"postgres_url": {"env": DATABASE_VARIABLE}}},
    "run_coordinator": {
        "module": "dagster.core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1, "dequeue_use_threads": True},
    },
    "concurrency": {"runs": {"max_concurrent_runs": MAX_RUNS_AT_ONCE}},
    "sensors": {"use_threads": True},
    # Failed runs are the steps' own business (their RetryPolicy); a run whose process died is started once more.
    "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
    "run_monitoring": {"enabled": True, "start_timeout_seconds": 120, "poll_interval_seconds": 10},
    "retention": {
        "sensor": {"purge_after_days": {"skipped": 1, "started": 1, "success": 7, "failure": 30}},
        "schedule": {"purge_after_days": {"skipped": 7, "started": 7, "success": 30, "failure": 30}},
    },
    "telemetry": {"enabled": False},
    "nux": {"enabled": False},
}


def dagster_home(settings: Settings) -> Path:
    """Return the folder that is ``DAGSTER_HOME``."""
    return settings.home / "dagster"


def workspace_file(settings: Settings) -> Path:
    """Return the workspace that is served: ``RAG_WORKSPACE``, or the generated one that names ``rag_assets``."""
    return settings.workspace or dagster_home(settings) / "workspace.yaml"


def dagster_environment(settings: Settings) -> dict[str, str]:
    """Return what Dagster's processes need in their environment; the database's password is only there."""
    # A code server answers with five threads more than it has cores unless told otherwise: waiting sensors would take
    # them all, and the UI with them.
    return {
        "DAGSTER_HOME": str(dagster_home(settings)),
        "DAGSTER_GRPC_MAX_WORKERS": str(sensor_threads(settings) + _UI_THREADS),
        DATABASE_VARIABLE: _storage_url(settings),
    }


def sensor_threads(settings: Settings) -> int:
    """Return how many sensors tick at once: one that waits for each collection, one for each source and stream."""
    loaded, _ = usable_collections(settings.collections)
    looking = sum(1 + len(each.collection.sources) + len(each.collection.streams) for each in loaded)
    wanted = looking + _SPARE_SENSOR_THREADS
    return min(max(wanted, FEWEST_SENSOR_THREADS), MOST_SENSOR_THREADS)


def write_dagster_home(settings: Settings, *, has_run_workers: bool) -> None:
    """Write ``dagster.yaml`` and ``workspace.yaml``; neither holds a secret."""
    folder = dagster_home(settings)
    instance = INSTANCE | {"sensors": INSTANCE["sensors"] | {"num_workers": sensor_threads(settings)}}
    if has_run_workers:
        instance |= _warm_runs(settings)
    write_private(folder / "dagster.yaml", _yaml(instance))
    module = {
        "python_module": {"module_name": "rag_assets.definitions", "attribute": "defs", "location_name": "rag_assets"}
    }
    write_private(folder / "workspace.yaml", _yaml({"load_from": [module]}))


def _warm_runs(settings: Settings) -> dict[str, Any]:
    """Return what differs when runs go to workers that wait for them, and fresh ones past the queue."""
    return {
        "run_coordinator": INSTANCE["run_coordinator"]
        | {"module": "local_stack.warm_runs.coordinator", "class": "FreshFirstCoordinator"},
        "run_launcher": {
            "module": "local_stack.warm_runs.launcher",
            "class": "WarmRunLauncher",
            "config": {"home": str(settings.home)},
        },
        # What a run prints goes to the workers' log: catching it costs every step four processes, two of them Python.
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": "NoOpComputeLogManager",
        },
    }


def shares_the_catalog(settings: Settings) -> bool:
    """Tell whether Dagster lives in a schema of its own inside the catalog's database."""
    return settings.dagster_database_url is None and settings.database_url is not None


def _storage_url(settings: Settings) -> str:
    """Return the storage's URL with the driver named: SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3."""
    # A crash may cost the last run events and nobody a document: what is true of documents is in the catalog.
    options = "-csynchronous_commit=off"
    url = settings.dagster_database_url
    if url is None:
        url = settings.database_url or ""
        # Both sides keep a table named alembic_version: the schema keeps them apart.
        options += f" -csearch_path={SCHEMA}"
    elif "options=" in url:
        options = ""  # the server's owner knows better
    if options:
        url += ("&" if "?" in url else "?") + "options=" + quote(options)
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def _yaml(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
