"""A small test collection in BEIR's form, as a test writes it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DOCUMENTS = {
    "beach": ("Beaches", "Sand is made of worn stones and shells. Waves carry it along the shore for many miles."),
    "bread": ("Bread", "Bread rises because yeast eats sugar and gives off gas. A warm kitchen makes it rise faster."),
    "moon": ("The Moon", "The tides follow the moon. It pulls at the oceans and they swell towards it twice a day."),
    "empty": ("", ""),
    "4/2 odd\nid": ("Bees", "Bees dance to tell each other where flowers are. The angle of the dance is a direction."),
}
QUERIES = {"q1": "why does dough rise", "q2": "what causes tides", "q3": "how do bees tell where flowers are"}
GRADES = {"q1": {"bread": 1}, "q2": {"moon": 1}, "q3": {"4/2 odd\nid": 1}}
RISE = {"_id": "a1", "question": "Why does bread rise?", "answerable": True, "passage": "bread"}
CHESS = {"_id": "a2", "question": "Who won the chess match in Reykjavik?", "answerable": False, "passage": None}
QUESTIONS = [{**RISE, "answers": ["yeast eats sugar"]}, {**CHESS, "answers": list[str]()}]


def write_collection(folder: Path) -> Path:
    (folder / "qrels").mkdir(parents=True)
    write_lines(
        folder / "corpus.jsonl", ({"_id": i, "title": title, "text": text} for i, (title, text) in DOCUMENTS.items())
    )
    write_lines(folder / "queries.jsonl", ({"_id": i, "text": text} for i, text in {**QUERIES, "q9": "x"}.items()))
    write_lines(folder / "answers.jsonl", QUESTIONS)
    judged = [f"{q}\t{d}\t{grade}\n" for q, found in GRADES.items() for d, grade in found.items() if "\n" not in d]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged))
    return folder


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
