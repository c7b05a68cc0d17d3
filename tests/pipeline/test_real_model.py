"""The same story with the real model: all-MiniLM-L6-v2 on OpenVINO."""

from pathlib import Path
from typing import Any

import numpy as np

from rag_core.index_spec import DENSE, Payload
from resources.clients.embedders import open_embedder
from tests.pipeline.corpus import Corpus

TEXT = """# Tea

Green tea is brewed with water of about eighty degrees, because boiling water makes its leaves taste bitter and dull.

Bicycles need their chains oiled every few weeks, or else rain and dust grind the links until the gears begin to slip.

Volcanoes erupt when molten rock rises through cracks in the crust and the gases dissolved in it suddenly expand.
"""


def test_a_question_finds_the_paragraph_that_answers_it(corpus: Corpus, tmp_path: Path) -> None:
    embedder: Any = open_embedder("all-MiniLM-L6-v2", threads=1, cache_dir=tmp_path / "models")
    corpus.embedder = embedder
    corpus.changed = {"embedding": {"model": "all-MiniLM-L6-v2"}}
    corpus.write("tea.md", TEXT)
    try:
        [report] = corpus.ingest()
        assert report.counts.embedded == report.counts.points_written >= 2
        [best] = corpus.client.query_points(
            corpus.name, embedder.embed_query("how hot should the water be for tea?").tolist(), using=DENSE, limit=1
        ).points
        assert best.payload is not None
        assert "eighty degrees" in best.payload[Payload.TEXT]
        assert best.payload[Payload.MODEL] == embedder.identity
        norms = [float(np.linalg.norm(dense)) for _, dense, _ in corpus.points().values()]
        assert np.allclose(norms, 1, atol=1e-3)
        assert corpus.reconcile().counts.embedded == 0
    finally:
        embedder.close()
