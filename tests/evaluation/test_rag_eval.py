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
    assert list(written) == ["collection", "documents", "queries", "modes", "intervals", "answers", "seconds"]
    assert (written["collection"], written["documents"], written["queries"]) == ("small", len(DOCUMENTS) - 1, 2)
    assert list(written["modes"]) == ["dense", "sparse", "hybrid"]
    assert list(written["modes"]["hybrid"]) == ["ndcg@10", "recall@1", "recall@5", "recall@10", "recall@100", "mrr@10"]
    assert written["modes"]["hybrid"]["ndcg@10"] == 1.0
    said = written["answers"]
    assert (said["threshold"], said["threshold_from"]) == (0.4, None)
    assert [said[name] for name in ("holds_answer", "abstained", "abstention_precision", "auc")] == [1.0] * 4
    assert said["best"]["keep-95"]["threshold"] > said["best"]["youden"]["threshold"]
    assert f"{len(DOCUMENTS)} arrivals recorded" in first.stdout
    assert "1 documents cannot be found" in first.stdout  # the one without any text

    again = ("--mode", "hybrid", "--answers", "--threshold-from", str(result))
    second = rag_eval(home, str(folder), *again, "--json", str(tmp_path / "second.json"))
    assert second.returncode == 0, second.stderr
    assert "nothing was new" in second.stdout
    assert "+0.0000 [+0.000 +0.000]" in second.stdout
    chosen = json.loads((tmp_path / "second.json").read_text())["answers"]
    assert chosen["threshold"] == said["best"]["keep-95"]["threshold"]  # what the API had, not what was asked for
    assert chosen["threshold_from"] == "small by keep-95"
    assert (chosen["answered"], chosen["abstained"]) == (1.0, 1.0)
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
        (("small", "--threshold", "0.5"), "A threshold is for answers"),
        (("small", "--answers", "--threshold-from", "small/corpus.jsonl"), "cannot be read"),
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
