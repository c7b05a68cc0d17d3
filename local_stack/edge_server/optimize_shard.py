"""Build HNSW graphs in a copy of a shard: ``python -m local_stack.edge_server.optimize_shard DIR PID``.

The process ends with ``OPTIMIZED`` or ``NOTHING_TO_DO``; any other code means that the copy is worthless. It works at
low priority and dies with the server that started it (process PID).
"""

import os
import signal
import sys

OPTIMIZED = 0
NOTHING_TO_DO = 3
NICE = 10
"""Requests come first, but a machine that is busy for hours still gets its graphs built."""


def main(arguments: list[str]) -> int:
    """Optimize the shard in the folder given and return the exit code."""
    import qdrant_edge as edge

    from local_stack.parent_death import end_with_parent

    folder, parent = arguments
    end_with_parent(signal.SIGKILL, parent=int(parent))
    os.nice(NICE)
    shard = edge.EdgeShard.load(folder)
    changed = shard.optimize()
    shard.flush()
    shard.close()
    return OPTIMIZED if changed else NOTHING_TO_DO


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
