"""Build HNSW graphs in a copy of a shard: ``python -m local_stack.edge_server.optimize_shard DIR PID``.

The process ends with ``OPTIMIZED`` or ``NOTHING_TO_DO``; any other code means that the copy is worthless. It works at
the lowest priority and dies with the server that started it (process PID).
"""

import os
import signal
import sys

OPTIMIZED = 0
NOTHING_TO_DO = 3


def main(arguments: list[str]) -> int:
    """Optimize the shard in the folder given and return the exit code."""
    import qdrant_edge as edge

    from local_stack.parent_death import end_with_parent

    folder, parent = arguments
    end_with_parent(signal.SIGKILL, parent=int(parent))
    os.nice(19)
    shard = edge.EdgeShard.load(folder)
    changed = shard.optimize()
    shard.flush()
    shard.close()
    return OPTIMIZED if changed else NOTHING_TO_DO


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
