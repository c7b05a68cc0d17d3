"""``python -m bench.encode TEXTS.json RUNTIME…``: the raw encoders over given texts, in a process of their own.

Prints one JSON line. Several runtimes take turns slice by slice, in four slices at least, so that whatever else the
machine does meets all of them alike; a slice is sorted by length, as each runtime would do by itself. Loading and the
first texts do not count.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from resources.clients.embedders import open_embedder

MODEL = "all-MiniLM-L6-v2"
_SLICE = 512
_FEWEST_SLICES = 4
_WARM = 32


def main() -> None:
    """Encode the texts with each runtime."""
    texts = sorted(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), key=len)
    embedders = {name: open_embedder(MODEL, runtime=name, threads=os.cpu_count()) for name in sys.argv[2:]}  # type: ignore[arg-type] - the names are the literal's
    for embedder in embedders.values():
        embedder.embed_documents(texts[:: max(1, len(texts) // _WARM)])
    times: dict[str, list[tuple[int, float]]] = {name: [] for name in embedders}
    core_s = dict.fromkeys(embedders, 0.0)
    length = _SLICE if len(embedders) == 1 else min(_SLICE, -(-len(texts) // _FEWEST_SLICES))
    for start in range(0, len(texts), length):
        piece = texts[start : start + length]
        for name, embedder in embedders.items():
            began, spent = time.perf_counter(), time.process_time()
            embedder.embed_documents(piece)
            times[name].append((len(piece), time.perf_counter() - began))
            core_s[name] += time.process_time() - spent
    found: dict[str, Any] = {
        name: {"seconds": sum(s for _, s in slices), "core_s": core_s[name], "slices": slices}
        for name, slices in times.items()
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
