"""Partitions: blocks of consecutive arrivals, added as the catalog opens them."""

import dagster as dg

from rag_core.planning import blocks_name


def blocks_of(collection: str) -> dg.DynamicPartitionsDefinition:
    """Return a collection's partitions definition; keys are ``000000``, ``000001`` and so on."""
    return dg.DynamicPartitionsDefinition(name=blocks_name(collection))
