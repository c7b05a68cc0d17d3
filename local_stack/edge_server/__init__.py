"""A small local server around Qdrant Edge (the Rust engine) that speaks the Qdrant REST API to qdrant-client.

    python -m local_stack.edge_server --path DIR --port N

One process owns DIR. The story, from outside in:

    __main__      arguments, ownership of DIR, sockets, signals
    app           the table of operations; requests in, Qdrant's envelope out
    *_api         what each operation does
    store         collections and aliases by name, kept in a manifest
    served        one collection: its shard, its writes
    upkeep        flushes and HNSW building in the background
    filters, points, queries, updates, payload_indexes, configuration    JSON to engine values and back

**Why engine calls run on the event loop's own thread.** No method of ``EdgeShard`` 0.9 releases the GIL (measured:
while one thread updates, searches or optimizes, no other thread of the process runs, and two threads searching need
twice the time of one). A thread pool would only add hand-overs. Most calls take 0.2 to 20 ms, and because nothing can
come between them, every single operation is atomic to readers. What does release the GIL, copying and deleting folders,
runs in threads. ``optimize()``, which holds it for seconds to minutes, runs in another process on a copy: see
``upkeep``.
"""
