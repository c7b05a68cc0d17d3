"""The 86 real PDFs of pdf_robust_share end as ``pdf_outcomes.csv`` says."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from rag_core.parsed import ParsedDocument
from resources.clients.parsing import ParseJob, ParseResult, ParserSandbox
from tests.parsing.shared_data import shared_folder

TABLE = Path(__file__).with_name("pdf_outcomes.csv")
OUTCOMES = {"indexed", "password-required", "no-text", "unreadable"}


def table() -> dict[str, dict[str, str]]:
    with TABLE.open(newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def manifest(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as file:
        return {Path(row["file"]).name: row for row in csv.DictReader(file)}


def outcome(result: ParseResult) -> str:
    return "indexed" if isinstance(result, ParsedDocument) else str(getattr(result, "kind", "unavailable"))


def outcomes(folder: Path, passwords: Mapping[str, Sequence[str]]) -> dict[str, str]:
    jobs = [ParseJob(source=folder / "pdfs" / name, name=name, passwords=given) for name, given in passwords.items()]
    with ParserSandbox() as sandbox:
        return {job.name: outcome(result) for job, result in sandbox.parse_many(jobs, workers=2)}


def test_table_names_86_files_with_outcome_and_reason() -> None:
    rows = table()
    assert len(rows) == 86
    for row in rows.values():
        assert {row["expected"], row["expected_without_password"]} <= OUTCOMES
        assert row["reason"]
        needs_password = "needs-password" in row["tags"].split()
        assert (row["expected_without_password"] == "password-required") == needs_password
        if row["tags"] == "" and row["expected"] != "indexed":
            raise AssertionError(f"{row['file']}: a file without a tag is indexed")


def test_table_follows_from_the_manifest() -> None:
    listed = manifest(shared_folder("pdf_robust_share"))
    assert {name: (row["sha256"], row["tags"]) for name, row in table().items()} == {
        name: (row["sha256"], row["tags"]) for name, row in listed.items()
    }


def test_each_pdf_ends_as_the_table_says() -> None:
    folder = shared_folder("pdf_robust_share")
    listed = manifest(folder)
    passwords = {name: [row["password"]] if row["password"] else [] for name, row in listed.items()}
    found = outcomes(folder, passwords)
    assert found == {name: row["expected"] for name, row in table().items()}


def test_without_passwords_locked_pdfs_ask_for_them() -> None:
    folder = shared_folder("pdf_robust_share")
    locked = {name: row for name, row in table().items() if row["expected"] != row["expected_without_password"]}
    assert len(locked) == 8
    found = outcomes(folder, {name: ["not-the-one"] for name in locked})
    assert found == {name: row["expected_without_password"] for name, row in locked.items()}
