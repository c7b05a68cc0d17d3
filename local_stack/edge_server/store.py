"""Collections and aliases by name: made, found, renamed and dropped so that a crash at any moment leaves one truth.

The manifest is that truth. Creating: shard first, manifest after; a crash between leaves a folder that nobody names.
Dropping: manifest first, folder after. Nothing here awaits between looking and deciding, so one request never sees
half of another's change; writing the manifest takes a few milliseconds and is rare.
"""

import asyncio
import logging
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import qdrant_edge as edge

from local_stack.edge_server.configuration import described, edge_config, kept_configuration, vector_schema
from local_stack.edge_server.json_fields import JsonObject, as_object
from local_stack.edge_server.limits import MAX_COLLECTIONS
from local_stack.edge_server.manifest import (
    Entry,
    Manifest,
    checked_name,
    new_folder_name,
    read_manifest,
    sync_folder,
    write_manifest,
)
from local_stack.edge_server.refusals import (
    Conflict,
    Malformed,
    NotFound,
    asking_engine,
    no_collection,
    reading_request,
)
from local_stack.edge_server.served import ServedCollection

_log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
COLLECTIONS = "collections"


class CannotOpen(Exception):
    """A collection's files are damaged or missing; serving without it would look like an empty index."""


class Store:
    """Every collection of one folder, opened; one process at a time may have it (``ownership``)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folders = path / COLLECTIONS
        self._folders.mkdir(parents=True, exist_ok=True)
        self._manifest = read_manifest(path / MANIFEST)
        self._served: dict[str, ServedCollection] = {}

    def open(self) -> None:
        """Remove what a crash left and open every collection; each replays its log; raises ``CannotOpen``."""
        named = self._manifest.folders()
        for folder in self._folders.iterdir():
            if folder.name not in named:
                _log.info("removing %s, which belongs to no collection", folder.name)
                shutil.rmtree(folder)
        for name, entry in self._manifest.collections.items():
            folder = self._folders / entry.folder
            try:
                shard = edge.EdgeShard.load(str(folder))
            except Exception as error:
                raise CannotOpen(f"collection {name} in {folder} cannot be opened: {error}") from error
            self._served[name] = ServedCollection(name, entry, folder, shard)

    def close(self) -> None:
        """Flush and close every collection."""
        for collection in self._served.values():
            collection.close()

    def names(self) -> list[str]:
        """Return the collections' names, sorted."""
        return sorted(self._served)

    def all(self) -> list[ServedCollection]:
        """Return every collection."""
        return list(self._served.values())

    def find(self, name: str) -> ServedCollection:
        """Return the collection of that name or alias; raises ``NotFound``."""
        found = self._served.get(name) or self._served.get(self._manifest.aliases.get(name, ""))
        if found is None:
            raise no_collection(name)
        return found

    def has(self, name: str) -> bool:
        """Tell whether a collection or an alias has that name."""
        return name in self._served or name in self._manifest.aliases

    def aliases(self) -> Mapping[str, str]:
        """Return collections' names by alias."""
        return self._manifest.aliases

    def described(self, name: str) -> JsonObject:
        """Return the info of a collection."""
        collection = self.find(name)
        entry = self._manifest.collections[collection.name]
        return {**collection.info(), "config": described(entry.config, entry.metadata)}

    def create(self, name: str, body: JsonObject) -> None:
        """Make an empty collection; raises ``Conflict`` for a name that is taken."""
        checked_name(name, "a collection's name")
        if name in self._served:
            raise Conflict(f"Wrong input: Collection `{name}` already exists!")
        if name in self._manifest.aliases:
            raise Malformed(f"Wrong input: Can't create collection with name {name}. Alias with the same name exists")
        if len(self._served) >= MAX_COLLECTIONS:
            raise Malformed(f"Wrong input: there are {MAX_COLLECTIONS} collections, the most this server keeps")
        with reading_request():
            config = kept_configuration(body)
            vector_schema(config)
            engine_config = edge_config(config)
            metadata = None if body.get("metadata") is None else as_object(body["metadata"], "metadata")
        entry = Entry(folder=new_folder_name(name), config=config, metadata=metadata)
        folder = self._folders / entry.folder
        try:
            with asking_engine():
                shard = edge.EdgeShard.create(str(folder), engine_config)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        sync_folder(self._folders)
        self._keep(replace(self._manifest, collections={**self._manifest.collections, name: entry}))
        self._served[name] = ServedCollection(name, entry, folder, shard)

    def update_metadata(self, name: str, change: JsonObject) -> None:
        """Merge ``change`` into a collection's metadata; a key set to null is removed."""
        collection = self.find(name)
        entry = self._manifest.collections[collection.name]
        merged = {key: value for key, value in {**(entry.metadata or {}), **change}.items() if value is not None}
        self._replace(collection.name, replace(entry, metadata=merged))

    async def drop(self, name: str) -> bool:
        """Delete a collection and its aliases; False if there was none (an alias is not followed)."""
        collection = self._served.get(name)
        if collection is None:
            return False
        async with collection.writing():
            kept = {each: entry for each, entry in self._manifest.collections.items() if each != name}
            aliases = {alias: target for alias, target in self._manifest.aliases.items() if target != name}
            self._keep(Manifest(collections=kept, aliases=aliases))
            del self._served[name]
            collection.close()
        await self.remove_folder(collection.folder)
        return True

    def change_aliases(self, actions: Iterable[tuple[str, str, str]]) -> None:
        """Apply ``(create | delete | rename, alias, target)`` actions in order, all or none, durably."""
        aliases = dict(self._manifest.aliases)
        for kind, alias, target in actions:
            if kind == "create":
                self._check_new_alias(alias)
                if target not in self._served:
                    raise no_collection(target)
                aliases[alias] = target
            elif kind == "delete":
                aliases.pop(alias, None)
            else:
                self._check_new_alias(target)
                if alias not in aliases:
                    raise NotFound(f"Not found: Alias {alias} does not exists!")
                aliases[target] = aliases.pop(alias)
        self._keep(replace(self._manifest, aliases=aliases))

    def new_folder(self, collection: ServedCollection) -> Path:
        """Return a folder that does not exist yet, for a copy of a collection."""
        return self._folders / new_folder_name(collection.name)

    def swap(self, collection: ServedCollection, shard: edge.EdgeShard, folder: Path, *, optimized_points: int) -> Path:
        """Serve a collection from ``shard`` in ``folder`` and return the folder it was served from before."""
        entry = self._manifest.collections[collection.name]
        self._replace(collection.name, replace(entry, folder=folder.name, optimized_points=optimized_points))
        old_shard, old_folder = collection.shard, collection.folder
        collection.shard, collection.folder = shard, folder
        old_shard.close()
        return old_folder

    def note_optimized(self, collection: ServedCollection, points: int) -> None:
        """Remember that a collection of this size needs no optimization."""
        entry = self._manifest.collections[collection.name]
        self._replace(collection.name, replace(entry, optimized_points=points))

    async def remove_folder(self, folder: Path) -> None:
        """Delete a folder that the manifest no longer names; what fails here is done at the next start."""
        gone = folder.with_name(f"gone-{folder.name}")
        await asyncio.to_thread(folder.replace, gone)
        await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)

    def _check_new_alias(self, alias: str) -> None:
        checked_name(alias, "an alias")
        if alias in self._served:
            raise Conflict(f"Wrong input: Collection `{alias}` already exists!")

    def _replace(self, name: str, entry: Entry) -> None:
        self._keep(replace(self._manifest, collections={**self._manifest.collections, name: entry}))

    def _keep(self, manifest: Manifest) -> None:
        """Make ``manifest`` the truth: on disk first, then here."""
        write_manifest(self._path / MANIFEST, manifest)
        self._manifest = manifest
