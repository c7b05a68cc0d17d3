import json

import pytest

from rag_core.parsed import ParsedDocument
from resources.clients.parsing import PARSER_VERSIONS, ParseLimits
from resources.clients.parsing.document import parse_document
from resources.clients.parsing.media_types import Claims
from resources.clients.parsing.text_kinds import delimiter_of


def parsed(data: str | bytes, name: str = "x", media_type: str | None = None) -> ParsedDocument:
    raw = data.encode() if isinstance(data, str) else data
    return parse_document(raw, Claims(name=name, media_type=media_type), (), ParseLimits())


def at(document: ParsedDocument, number: int) -> str:
    return next(document.text[span.start : span.end] for span in document.pages if span.number == number)


RECORDS = [
    {"_id": "7", "title": "Ferries", "text": "They leave at seven.\n\nDaily.", "tags": ["sea", "boat"]},
    {"_id": "8", "body": "No title here.", "place": {"port": "Oslund", "lat": 59.1}},
]


def test_json_lines_are_one_document_whose_records_are_cited_by_line() -> None:
    lines = [json.dumps(RECORDS[0]), "", json.dumps(RECORDS[1])]
    document = parsed("\n".join(lines), "corpus.jsonl")
    assert at(document, 1) == "Ferries\n\nThey leave at seven.\n\nDaily.\n\n_id: 7\ntags: sea, boat"
    assert at(document, 3) == "No title here.\n\n_id: 8\nplace.port: Oslund\nplace.lat: 59.1"
    assert [span.number for span in document.pages] == [1, 3]
    assert [(heading.level, heading.text) for heading in document.headings] == [(1, "Ferries")]
    assert (document.title, document.parser) == ("corpus", "jsonl/1")


def test_json_lines_are_told_by_their_records_without_a_name() -> None:
    lines = "\n".join(json.dumps(record) for record in RECORDS)
    assert parsed(lines).parser == "jsonl/1"
    assert parsed(lines, "x.json").parser == "jsonl/1"
    assert parsed(json.dumps(RECORDS, indent=1), "x.json").parser == PARSER_VERSIONS["text/plain"]


def test_broken_record_costs_its_line_only() -> None:
    document = parsed('{"text": "one"}\n{"text": \n{"text": "three"}\n', "x.jsonl")
    assert document.text == "one\n\nthree"
    assert document.metadata["warnings"] == ["line 2 is no JSON"]
    assert at(document, 3) == "three"


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_rows_of_values_are_cited_by_the_lines_on_which_they_begin(sign: str) -> None:
    rows = [["port", "note", "since"], ["Oslund", '"two\nlines"', "1931"], ["Vik", "", "1950"]]
    document = parsed("\n".join(sign.join(row) for row in rows), "ports.csv")
    assert document.text == "port | note | since\nOslund | two lines | 1931\nVik |  | 1950"
    assert [span.number for span in document.pages] == [1, 2, 4]
    assert [(block.kind, block.start, block.end) for block in document.blocks] == [("table", 0, len(document.text))]
    assert document.title == "ports"


def test_sign_that_cuts_lines_alike_is_the_delimiter() -> None:
    assert delimiter_of("a, b;c\nd;e\nf;g\n") == ";"
    assert delimiter_of("one column\nonly\n") is None


def test_tables_without_a_name_are_told_by_their_columns_and_prose_is_not() -> None:
    assert parsed("\n".join(f"{n}\tport {n}\t{n * n}" for n in range(9))).parser == "csv/1"
    assert parsed("We sail, rest, and eat.\nThen we sleep.\n" * 4).parser == PARSER_VERSIONS["text/plain"]


PROGRAM = '''"""Times of ferries."""

import datetime


# How long a crossing takes.
@cached
def crossing(port):
    return 40


class Ferry:
    def leave(self):
        pass

    async def arrive(self):
        pass
'''


def test_program_keeps_its_lines_and_its_definitions_head_them() -> None:
    document = parsed(PROGRAM, "boats/ferry.py")
    assert document.text == PROGRAM.rstrip("\n")
    for number, line in enumerate(PROGRAM.rstrip("\n").split("\n"), start=1):
        assert at(document, number) == line
    assert [(heading.level, heading.text) for heading in document.headings] == [
        (1, "crossing"),
        (1, "Ferry"),
        (2, "leave"),
        (2, "arrive"),
    ]
    assert document.text[document.headings[0].start :].startswith("# How long a crossing takes.\n@cached\ndef crossing")
    assert document.metadata["programming_language"] == "python"
    assert (document.title, document.parser) == ("boats/ferry.py", "code/1")


@pytest.mark.parametrize(
    ("name", "line", "defined"),
    [
        ("a.ts", "export async function sail(to: string) {", "sail"),
        ("a.js", "const sail = async (to) => {", "sail"),
        ("a.go", "func (f *Ferry) Sail(to string) error {", "Sail"),
        ("a.rs", "pub(crate) fn sail(to: &str) -> Result<()> {", "sail"),
        ("a.java", "    public static void main(String[] args) {", "main"),
        ("a.c", "static int sail(const char *to)", "sail"),
        ("a.cpp", "void Ferry::sail(int to) {", "Ferry::sail"),
        ("a.cs", "public sealed class Ferry : Boat", "Ferry"),
        ("a.rb", "def sail?", "sail?"),
        ("a.sql", "CREATE OR REPLACE FUNCTION sail(integer)", "sail"),
        ("a.sh", "sail() {", "sail"),
        ("a.php", "abstract class Ferry {", "Ferry"),
        ("a.kt", "fun sail(to: String): Int {", "sail"),
    ],
)
def test_definitions_of_many_languages_are_found(name: str, line: str, defined: str) -> None:
    document = parsed(f"{line}\n    body;\n}}\n", name)
    assert [heading.text for heading in document.headings] == [defined]


@pytest.mark.parametrize("line", ["return sail(to)", "if (sail(to)) {", "for (x of y) {", "else if (a) {", "sail(to);"])
def test_calls_and_branches_define_nothing(line: str) -> None:
    assert parsed(f"{line}\nmore\n", "a.js").headings == ()


def test_script_is_told_by_its_first_line() -> None:
    document = parsed("#!/usr/bin/env python3\n# a\n# b\nprint('ferry')\n", "run")
    assert (document.parser, document.metadata["programming_language"]) == ("code/1", "python")


def test_form_feeds_and_carriage_returns_do_not_shift_the_lines() -> None:
    document = parsed("int a;\r\n\x0cint b;\u2028\r\nint c;\r\n", "a.c")
    assert [at(document, n).strip() for n in (1, 2, 3)] == ["int a;", "int b;", "int c;"]
