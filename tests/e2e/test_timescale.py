"""The whole job with its vectors in PostgreSQL: no Qdrant is started, nothing else is different."""

from pathlib import Path

import pytest

from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("e2e")
QUESTION = "How long are backups kept?"


def backups(days: str) -> str:
    return f"# Backups\n\nBackups of the database are kept for {days} days. Older ones are removed at night.\n"


def test_a_file_becomes_an_answer_changes_and_goes_with_its_vectors_in_postgresql(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.environment["RAG_VECTORS"] = "timescale"
    with stack:
        assert stack.pids(having="local_stack.edge_server") == []
        assert "vectors: timescale (PostgreSQL)" in stack.rag("status").stdout
        assert stack.rag_json("status")["vectors"] == "timescale"
        assert stack.api.get("/readyz").json()["parts"] == {"catalog": "ok", "timescale": "ok", "model": "ok"}

        path = stack.write("ops/backups.md", backups("thirty"))
        stack.write("food/canteen.md", "# Canteen\n\nThe canteen serves soup and bread at noon.\n")
        stack.wait_settled(["ops/backups.md", "food/canteen.md"])
        assert "thirty days. [1]" in stack.rag("ask", QUESTION, "--collection", "notes").stdout
        assert stack.search(QUESTION, filters={"team": "food"})[0]["uri"].endswith("canteen.md")

        stack.write("ops/backups.md", backups("ninety"))
        stack.wait_for("the new version", lambda: "ninety" in stack.search(QUESTION)[0]["text"])
        assert "thirty" not in str(stack.search(QUESTION, top_k=50))

        path.unlink()
        stack.wait_for("the deletion", lambda: "Backups" not in str(stack.search(QUESTION, top_k=50)))
        assert [each["uri"].rsplit("/", 1)[-1] for each in stack.search(QUESTION, top_k=50)] == ["canteen.md"]
