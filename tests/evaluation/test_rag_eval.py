"""``rag eval`` as a person types it: a stack of its own, real sensors, real assets, the real API."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.evaluation.collection import DOCUMENTS, write_collection

pytestmark = pytest.mark.xdist_group("e2e")


def rag_eval(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}
    return subprocess.run(
        [str(Path(sys.executable).with_name("rag")), "eval", *words],
        env=environment | {"RAG_HOME": str(home)},
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.mark.timeout(900)
def test_a_folder_becomes_figures_and_a_second_evaluation_ingests_nothing_anew(tmp_path: Path) -> None:
    folder, home, result = write_collection(tmp_path / "small"), tmp_path / "home", tmp_path / "result.json"
    first = rag_eval(home, str(folder), "--answers", "--json", str(result))
    assert first.returncode == 0, first.stderr
    written: dict[str, Any] = json.loads(result.read_text())
    assert list(written) == ["collection", "documents", "queries", "modes", "answers", "seconds"]
    assert (written["collection"], written["documents"], written["queries"]) == ("small", len(DOCUMENTS) - 1, 2)
    assert list(written["modes"]) == ["dense", "sparse", "hybrid"]
    assert list(written["modes"]["hybrid"]) == ["ndcg@10", "recall@10", "recall@100", "mrr@10"]
    assert written["modes"]["hybrid"]["ndcg@10"] == 1.0
    assert (written["answers"]["holds_answer"], written["answers"]["abstained"]) == (1.0, 1.0)
    assert f"{len(DOCUMENTS)} arrivals recorded" in first.stdout
    assert "1 documents cannot be found" in first.stdout  # the one without any text

    second = rag_eval(home, str(folder), "--mode", "hybrid", "--json", str(result))
    assert second.returncode == 0, second.stderr
    assert "nothing was new" in second.stdout
    assert "+0.0000 [+0.000 +0.000]" in second.stdout
    assert list(json.loads(result.read_text())) == ["collection", "documents", "queries", "modes", "seconds"]
    left = [
        process for process in psutil.process_iter(["cmdline"]) if str(home) in " ".join(process.info["cmdline"] or ())
    ]
    assert left == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "is no test collection"),
        (("small", "--split", "train"), "Which qrels"),
        (("small", "--json", "no/such/folder.json"), "There is no folder"),
    ],
)
def test_wrong_usage_is_exit_code_2_before_anything_is_started(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    write_collection(tmp_path / "small")
    ran = rag_eval(tmp_path / "home", *words)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert not (tmp_path / "home" / "eval").exists()
