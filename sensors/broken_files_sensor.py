"""A sensor that stays red while a collection file is broken, so that the others can go on and nobody overlooks it."""

from collections.abc import Sequence

import dagster as dg

from rag_core.errors import ConfigurationError
from resources.clients.collection_files import Problem


def build_broken_files_sensor(problems: Sequence[Problem]) -> dg.SensorDefinition:
    """Return a sensor whose every tick fails with what is wrong in the collection files."""
    message = "\n".join(str(problem) for problem in problems)

    @dg.sensor(
        name="broken_collection_files",
        description="Collection files that cannot be used; their collections are not ingested until they are mended.",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def broken_collection_files() -> dg.SkipReason:
        raise ConfigurationError(message, remedy="Correct them, then reload the code location.")

    return broken_collection_files
