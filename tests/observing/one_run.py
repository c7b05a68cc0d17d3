"""A Dagster run of one block in a process of its own, with the settings of the environment."""

import sys

import dagster as dg

from rag_assets.definitions import build_definitions
from resources.clients.settings import load_settings


def main(collection: str, partition: str) -> int:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(f"{collection}_blocks", [partition])
        job = build_definitions(load_settings()).resolve_job_def(f"ingest_{collection}_job")
        return 0 if job.execute_in_process(partition_key=partition, instance=instance).success else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
