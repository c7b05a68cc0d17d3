"""The raw encoder: how fast it is by itself, on the chunks that a stack made, and against sentence-transformers."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.dataset as ds

from bench.found import Found
from rag_core.chunking import embedding_text
from rag_core.collection import Chunking
from resources.clients.embedders import open_embedder

OURS, THEIRS = "openvino", "sentence-transformers"
_LIMIT_S = 7200
_KEY = "encoder_vs_sentence_transformers"


def texts_embedded(parquet: Path) -> list[str]:
    """Return what the encoder saw of every chunk of a collection, read back from its Parquet layers."""
    model = open_embedder("all-MiniLM-L6-v2")
    titles: dict[int, str] = {}
    for row in _rows(parquet, "documents", ["arrival", "title"]):
        titles[row["arrival"]] = row["title"]
    chunks = {(row["arrival"], row["ordinal"]): row for row in _rows(parquet, "chunks", None)}
    return [
        embedding_text(
            title=titles[row["arrival"]],
            heading_path=row["heading_path"] or (),
            text=row["text"],
            chunking=Chunking(),
            model=model,
        )
        for row in chunks.values()
    ]


def encode(texts: list[str], *runtimes: str) -> dict[str, Any]:
    """Return each runtime's seconds and core-seconds over the texts; all cores, no other work beside it."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "texts.json"
        given.write_text(json.dumps(texts), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "bench.encode", str(given), *runtimes],
            cwd=Path(__file__).parent.parent,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"the encoder failed: {done.stderr[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def against_sentence_transformers(texts: list[str], found: Found) -> None:
    """Measure the encoder against sentence-transformers fp32 on the same slices, in turns, on the same threads."""
    if importlib.util.find_spec("sentence_transformers") is None or importlib.util.find_spec("torch") is None:
        found.miss(_KEY, "the models extra is not installed here (make test-models installs it)")
        return
    if Path("/dev/nvidiactl").exists():
        found.miss(_KEY, "this machine has a GPU, which sentence-transformers would use")
        return
    spent = encode(texts, OURS, THEIRS)
    pairs = zip(spent[OURS]["slices"], spent[THEIRS]["slices"], strict=True)
    ratios = [theirs[1] / ours[1] for ours, theirs in pairs]
    found.set(_KEY, median(ratios))
    found.tell(
        "encoder",
        chunks_compared=len(texts),
        ours_chunks_per_s=len(texts) / spent[OURS]["seconds"],
        sentence_transformers_chunks_per_s=len(texts) / spent[THEIRS]["seconds"],
    )


def _rows(parquet: Path, layer: str, columns: list[str] | None) -> list[dict[str, Any]]:
    files = [str(path) for path in sorted(parquet.glob(f"*/{layer}/*.parquet"))]
    return ds.dataset(files, format="parquet").to_table(columns=columns).to_pylist()
