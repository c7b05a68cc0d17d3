"""The old place of the uploads' tables."""

from resources.clients.catalog.schema import METADATA

__all__ = ["METADATA"]
