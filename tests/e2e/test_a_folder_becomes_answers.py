"""The main job: files are dropped, changed and deleted in a watched folder, and the answers follow."""

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from resources.clients.qdrant.connect import connect
from tests.e2e.index_state import points_of
from tests.e2e.stack import Stack

pytestmark = pytest.mark.xdist_group("e2e")

PETS = "<html><title>Pets</title><body><h1>Pets</h1><p>Dogs are welcome on Fridays.</p></body>"
TOPICS = ("storage", "network", "payroll", "travel", "security", "hiring", "printing", "parking")
SECTIONS = {
    topic: "\n\n".join(
        f"Rule {number} of {topic} says that the {topic} desk answers request {number * 7} within {number + 2} days, "
        f"that the {topic} manager signs what costs more than {number * 100} euros, and that a record is kept."
        for number in range(1, 6)
    )
    for topic in TOPICS
}


def manual(sections: dict[str, str]) -> str:
    return "# Manual\n\n" + "\n\n".join(f"## About {topic}\n\n{text}" for topic, text in sections.items()) + "\n"


def pdf(text: str, *, password: str = "") -> bytes:
    made = io.BytesIO()
    canvas = Canvas(made)
    canvas.drawString(72, 720, "Introduction to nothing in particular.")
    canvas.showPage()
    canvas.drawString(72, 720, text)
    canvas.save()
    if not password:
        return made.getvalue()
    writer = PdfWriter(clone_from=PdfReader(made))
    writer.encrypt(password)
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("story")) as running:
        (running.collections / "broken.yaml").write_text("name: broken\nsources: nowhere\n")
        running.write("office/pets.html", PETS)
        running.write("office/manual.md", manual(SECTIONS))
        (running.inbox / "office" / "heating.pdf").write_bytes(pdf("The heating is switched on when October begins."))
        running.wait_settled(["office/pets.html", "office/heating.pdf", "office/manual.md"])
        yield running


def rewritten(stack: Stack, text: str) -> dict[str, float]:
    """Write the manual anew, wait until that version is settled, and return what its run counted."""
    known = stack.documents()["office/manual.md"]["newest_arrival"]
    stack.write("office/manual.md", text)
    stack.wait_for("seen", lambda: stack.documents()["office/manual.md"]["newest_arrival"] > known)
    stack.wait_settled(["office/manual.md"])
    return embedded_by(stack, last_run(stack, "office/manual.md"))


def embedded_by(stack: Stack, run_id: str) -> dict[str, float]:
    query = """query($run: ID!) { runOrError(runId: $run) { ... on Run { assetMaterializations {
        metadataEntries { label ... on IntMetadataEntry { intValue } } } } } }"""
    made = stack.graphql(query, run=run_id)["runOrError"]["assetMaterializations"]
    return {
        entry["label"]: entry["intValue"] for one in made for entry in one["metadataEntries"] if "intValue" in entry
    }


def last_run(stack: Stack, key: str) -> str:
    """Return the run that settled a document last, once that run is over."""
    document = stack.documents()[key]
    run = stack.api.get(f"/v1/documents/{document['document_id']}").json()["arrivals"][0]["run_id"]
    query = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
    stack.wait_for("run over", lambda: stack.graphql(query, run=run)["runOrError"]["status"] == "SUCCESS")
    return run


def test_dropped_files_are_cited_with_page_and_lineage(stack: Stack) -> None:
    found = stack.search("When is the heating switched on?", top_k=1)[0]
    assert found["uri"].endswith("/office/heating.pdf")
    assert found["pages"] == {"first": 1, "last": 2}  # two short pages make one chunk
    assert found["metadata"] == {"team": "office"}
    made_by = found["lineage"]["made_by"]
    query = "query($run: ID!) { runOrError(runId: $run) { __typename ... on Run { jobName } } }"
    assert stack.graphql(query, run=made_by["run_id"])["runOrError"]["jobName"] == "ingest_notes_job"
    answer = stack.api.post(
        "/v1/ask", json={"collection": "notes", "question": "On which day are dogs welcome?"}
    ).json()
    assert answer["answered"]
    assert "Fridays" in answer["answer"]


def test_one_edited_paragraph_embeds_only_its_chunks(stack: Stack) -> None:
    rewritten(stack, manual(SECTIONS))
    before = points_of(f"http://127.0.0.1:{stack.ports['QDRANT']}", "notes")
    edited = SECTIONS | {"travel": SECTIONS["travel"].replace("Rule 3 of travel says", "The third rule of travel says")}
    counts = rewritten(stack, manual(edited))
    assert "third rule" in stack.search("third rule of travel", top_k=1)[0]["text"]
    after = points_of(f"http://127.0.0.1:{stack.ports['QDRANT']}", "notes")
    changed = set(after) - set(before)
    assert 1 <= len(changed) <= 3
    assert counts["run_embedded"] == counts["run_points_written"] == len(changed)
    assert counts["run_points_deleted"] == len(set(before) - set(after))


def test_a_touched_file_embeds_and_writes_nothing(stack: Stack) -> None:
    before = points_of(f"http://127.0.0.1:{stack.ports['QDRANT']}", "notes")
    counts = rewritten(stack, (stack.inbox / "office" / "manual.md").read_text())
    assert stack.documents()["office/manual.md"]["state"] == "unchanged"
    assert counts["run_embedded"] == counts["run_points_written"] == counts["run_points_deleted"] == 0
    assert points_of(f"http://127.0.0.1:{stack.ports['QDRANT']}", "notes").keys() == before.keys()


def test_a_shortened_document_leaves_no_point_of_its_old_text(stack: Stack) -> None:
    stack.write("office/manual.md", "# Manual\n\nThere is one rule only: ask the janitor.\n")
    stack.wait_for("the short text answers", lambda: "janitor" in stack.search("the janitor", top_k=1)[0]["text"])
    points = points_of(f"http://127.0.0.1:{stack.ports['QDRANT']}", "notes").values()
    of_manual = [payload["text"] for payload, _, _ in points if payload["uri"].endswith("manual.md")]
    assert len(of_manual) == 1
    assert "janitor" in of_manual[0]


def test_a_deleted_document_is_gone_and_comes_back_when_added_again(stack: Stack) -> None:
    page = stack.inbox / "office" / "pets.html"
    text = page.read_text()
    page.unlink()
    stack.wait_for("gone", lambda: not any("pets" in one["uri"] for one in stack.search("dogs welcome on Fridays")))
    assert stack.wait_settled(["office/pets.html"])["office/pets.html"]["state"] == "deleted"
    stack.write("office/pets.html", text)
    stack.wait_for("back", lambda: any("pets" in one["uri"] for one in stack.search("dogs welcome on Fridays")))


def test_bad_documents_are_quarantined_with_a_reason_and_fail_no_run(stack: Stack) -> None:
    (stack.inbox / "office" / "locked.pdf").write_bytes(pdf("Secret salaries.", password="not known"))
    (stack.inbox / "office" / "noise.txt").write_bytes(bytes(range(256)) * 50)
    found = stack.wait_settled(["office/locked.pdf", "office/noise.txt"])
    locked = found["office/locked.pdf"]
    assert locked["state"] == "quarantined"
    assert locked["reason"]["kind"] == "password-required"
    assert "pdf_passwords" in locked["reason"]["remedy"]
    assert found["office/noise.txt"]["reason"]["kind"] == "unsupported-format"
    states = stack.graphql("{ runsOrError { ... on Runs { results { status } } } }")["runsOrError"]["results"]
    assert not [run for run in states if run["status"] == "FAILURE"]


def test_a_lost_index_is_written_anew_though_no_source_changes(stack: Stack) -> None:
    stack.write("office/lost.md", "# Lost\n\nThe umbrella stand holds seven umbrellas.\n")
    stack.wait_settled(["office/lost.md"])
    url = f"http://127.0.0.1:{stack.ports['QDRANT']}"
    before = points_of(url, "notes")
    with closing(connect(url)) as client:
        for collection in client.get_collections().collections:
            client.delete_collection(collection.name)
    stack.wait_for("the index to be whole again", lambda: stack.search("seven umbrellas", top_k=1), limit_s=120)
    stack.wait_for("every point", lambda: points_of(url, "notes").keys() == before.keys(), limit_s=120)


def test_an_audit_after_all_of_it_is_clean_and_a_backup_holds_it(stack: Stack, tmp_path: Path) -> None:
    audit = stack.rag_json("audit", "notes")
    assert audit["clean"], audit
    [audited] = audit["collections"]
    assert (audited["documents"] > 0, audited["due"]) == (True, 0)
    done = stack.rag_json("backup", str(tmp_path / "backup"))
    assert done["copied_files"] == done["parquet_files"] > 0
    refused = stack.rag("restore", str(tmp_path / "backup"), "--yes", check=False)
    assert refused.returncode == 1
    assert "broken.yaml" in refused.stderr
    (stack.collections / "broken.yaml").unlink()
    refused = stack.rag("restore", str(tmp_path / "backup"), "--yes", check=False)
    assert refused.returncode == 2
    assert "is running" in refused.stderr
    assert stack.rag_json("restore", str(tmp_path / "backup"), "--only", "parquet")["parts_copied"] == 0
