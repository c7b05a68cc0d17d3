"""Folders and buckets behind one port: listing in bytewise order, looking, reading what was looked at."""

from resources.clients.object_store.opening import location_of, open_store
from resources.clients.object_store.port import ObjectStore, ReadableStore, RootMissing

__all__ = ["ObjectStore", "ReadableStore", "RootMissing", "location_of", "open_store"]
