"""Collections, aliases and payload indexes."""

from local_stack.edge_server.json_fields import JsonObject, as_list, as_object, only, required, text
from local_stack.edge_server.limits import MAX_BATCH, at_most
from local_stack.edge_server.payload_indexes import index_schema
from local_stack.edge_server.refusals import Malformed, NotServed, reading_request
from local_stack.edge_server.requests import Call
from local_stack.edge_server.updates import Operation


async def list_collections(call: Call) -> JsonObject:
    """Return the collections' names."""
    return {"collections": [{"name": name} for name in call.store.names()]}


async def get_collection(call: Call) -> JsonObject:
    """Return counts, configuration, metadata and payload schema."""
    return call.store.described(call.name)


async def collection_exists(call: Call) -> JsonObject:
    """Tell whether a collection or alias has that name."""
    return {"exists": call.store.has(call.name)}


async def create_collection(call: Call) -> bool:
    """Make an empty collection."""
    call.store.create(call.name, call.body)
    return True


async def update_collection(call: Call) -> bool:
    """Change the metadata; other parameters are fixed when a collection is made."""
    only(call.body, frozenset({"metadata"}), "update collection")
    if call.body.get("metadata") is not None:
        call.store.update_metadata(call.name, as_object(call.body["metadata"], "metadata"))
    return call.collection is not None


async def delete_collection(call: Call) -> bool:
    """Delete a collection with its points and aliases."""
    return await call.store.drop(call.name)


async def list_aliases(call: Call) -> JsonObject:
    """Return every alias."""
    return _shown_aliases(call)


async def list_collection_aliases(call: Call) -> JsonObject:
    """Return the aliases of one collection."""
    return _shown_aliases(call, of=call.collection.name)


async def update_aliases(call: Call) -> bool:
    """Apply a list of alias actions, all or none."""
    only(call.body, frozenset({"actions"}), "update aliases")
    actions = as_list(required(call.body, "actions", "update aliases"), "actions")
    at_most(len(actions), MAX_BATCH, "alias actions")
    call.store.change_aliases([_alias_action(as_object(action, "an alias action")) for action in actions])
    return True


async def create_field_index(call: Call) -> JsonObject:
    """Index a payload field; what is indexed already in the same way is left alone by the engine."""
    body = call.body
    only(body, frozenset({"field_name", "field_schema"}), "create field index")
    with reading_request():
        schema = index_schema(required(body, "field_schema", "create field index"))
        operation = Operation.create_field_index(text(body, "field_name", "create field index"), schema)
    collection = call.collection
    async with collection.writing():
        return collection.change_index(operation)


async def delete_field_index(call: Call) -> JsonObject:
    """Drop the index of a payload field."""
    with reading_request():
        operation = Operation.delete_field_index(call.path["field_name"])
    collection = call.collection
    async with collection.writing():
        return collection.change_index(operation)


def _shown_aliases(call: Call, *, of: str | None = None) -> JsonObject:
    known = sorted(call.store.aliases().items())
    chosen = [{"alias_name": alias, "collection_name": target} for alias, target in known if of in (None, target)]
    return {"aliases": chosen}


def _alias_action(action: JsonObject) -> tuple[str, str, str]:
    if len(action) != 1:
        raise Malformed("Format error in JSON body: an alias action has one key, its kind")
    kind, raw = next(iter(action.items()))
    fields = as_object(raw, kind[:64])
    if kind == "create_alias":
        return "create", text(fields, "alias_name", kind), text(fields, "collection_name", kind)
    if kind == "delete_alias":
        return "delete", text(fields, "alias_name", kind), ""
    if kind == "rename_alias":
        return "rename", text(fields, "old_alias_name", kind), text(fields, "new_alias_name", kind)
    raise NotServed(f"update aliases: {kind[:64]}")
