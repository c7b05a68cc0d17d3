import pytest

from rag_core.errors import DocumentRejected, QuarantineKind
from rag_core.parsed import ParsedDocument
from resources.clients.parsing import ParseLimits, ParserSandbox
from resources.clients.parsing.document import parse_document
from resources.clients.parsing.media_types import Claims, media_type_of


def parsed(data: bytes | str, name: str = "x.txt", media_type: str | None = None) -> ParsedDocument:
    raw = data.encode() if isinstance(data, str) else data
    return parse_document(raw, Claims(name=name, media_type=media_type), (), ParseLimits())


def kind_of(data: bytes | str, name: str = "x.txt") -> QuarantineKind:
    with pytest.raises(DocumentRejected) as caught:
        parsed(data, name)
    return caught.value.kind


def blocks(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


def headings(document: ParsedDocument) -> list[tuple[int, str]]:
    assert all(document.text[h.start : h.end] == h.text for h in document.headings)
    return [(heading.level, heading.text) for heading in document.headings]


def test_markdown_reads_without_its_marks() -> None:
    document = parsed(
        "# Boats & *ferries*\n\nA **bold** [link](https://x.example/) and\na `word`.\n\n"
        "1. first\n2. second\n   - inner\n\n"
        "| port | time |\n|---|---|\n| Oslund | 7:00 |\n\n```sh\nrow  --fast\n```\n\n> A quote.\n",
        "x.md",
    )
    assert document.text == (
        "Boats & ferries\n\nA bold link and a word.\n\n1. first\n2. second\n  - inner\n\n"
        "port | time\nOslund | 7:00\n\nrow  --fast\n\nA quote."
    )
    assert headings(document) == [(1, "Boats & ferries")]
    assert blocks(document) == [("table", "port | time\nOslund | 7:00"), ("code", "row  --fast")]
    assert document.title == "Boats & ferries"


def test_front_matter_is_metadata_and_not_text() -> None:
    document = parsed(
        "---\ntitle: Rules\nallowed_groups: [crew, office]\nsince: 2024-05-01\nratio: .nan\n---\n# Heading\n", "x.md"
    )
    assert document.title == "Rules"
    assert document.text == "Heading"
    assert document.metadata["allowed_groups"] == ["crew", "office"]
    assert document.metadata["since"] == "2024-05-01"
    assert document.metadata["ratio"] is None


@pytest.mark.parametrize(
    "source",
    [
        "---\n- crew\n- office\n---\ntext\n",
        "---\njust words\n---\ntext\n",
        "---\nallowed_groups: [crew\n---\ntext\n",
        "---\nallowed_groups: [crew]\n\ntext without an end\n",
        "---\nx: !!python/object/apply:os.system ['true']\n---\ntext\n",
        "---\nsince: 2024-13-45\n---\ntext\n",
        "---\na: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n---\ntext\n",
        "---\na: &a [*a]\n---\ntext\n",
    ],
    ids=["list", "scalar", "broken", "unclosed", "python-tag", "no-date", "alias-bomb", "cycle"],
)
def test_front_matter_that_is_no_plain_mapping_is_rejected_never_dropped(source: str) -> None:
    assert kind_of(source, "x.md") is QuarantineKind.BAD_METADATA


def test_line_of_dashes_at_the_top_of_plain_text_is_only_a_line() -> None:
    assert "just words" in parsed("---\njust words\n---\ntext\n").text
    assert kind_of("---\nallowed_groups: [crew\n---\ntext\n") is QuarantineKind.BAD_METADATA


def test_html_gives_its_main_text() -> None:
    document = parsed(
        "<!doctype html><html lang=en><head><title>Ports  of call</title><meta name=team content=harbour>"
        "<style>p{}</style></head><body><nav>Menu</nav><header>Site</header><script>x()</script>"
        "<h1>Ports <em>all</em></h1><p>One\nline<br>two</p><ul><li>a</li><li>b</li></ul><div hidden>secret</div>"
        "<table><tr><th>port<th>time</tr><tr><td>Oslund<td>7:00</tr></table><pre>row\n  fast</pre>"
        "<footer>Imprint</footer></body></html>",
        "x.html",
    )
    assert document.text == "Ports all\n\nOne line\ntwo\n\n- a\n- b\n\nport | time\nOslund | 7:00\n\nrow\n  fast"
    assert headings(document) == [(1, "Ports all")]
    assert blocks(document) == [("table", "port | time\nOslund | 7:00"), ("code", "row\n  fast")]
    assert document.title == "Ports of call"
    assert document.metadata["team"] == "harbour"
    assert document.metadata["lang"] == "en"


def test_deeply_nested_html_is_read_or_stopped_never_a_crash() -> None:
    depth = 4000
    assert parsed("<html><body>" + "<div>" * depth + "deep words" + "</div>" * depth, "x.html").text == "deep words"
    deeper = b"<html><body>" + b"<div>" * 200_000 + b"deep words"
    with ParserSandbox(ParseLimits(timeout_s=2)) as sandbox, pytest.raises(DocumentRejected) as caught:
        sandbox.parse(deeper, name="x.html")
    assert caught.value.kind in {QuarantineKind.TOO_SLOW, QuarantineKind.TOO_MUCH_MEMORY}


def test_deeply_nested_markdown_is_read_or_rejected_never_lost() -> None:
    assert "words" in parsed("> " * 60 + "words enough to be read by everybody", "x.md").text
    assert kind_of("> " * 2000 + "words enough to be read by everybody " * 200, "x.md") is QuarantineKind.UNREADABLE
    assert "words" in parsed("*a **b " * 3000 + "words", "x.md").text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Die „schöne“ Überfahrt – naïve Gäste", "cp1252"),
        ("Обычный русский текст о паромах и гаванях", "cp1251"),
        ("Обычный русский текст о паромах и гаванях", "koi8-r"),
        ("これは日本語のテキストです。船は七時に出ます。", "shift_jis"),
        ("이것은 한국어 텍스트입니다. 배는 일곱 시에 떠납니다.", "euc_kr"),
        ("这是一个中文文本。我们的船在七点出发。", "gb18030"),
        ("plain wörds", "utf-8-sig"),
        ("wide wörds of text", "utf-16"),
        ("wide words of text", "utf-16-le"),
        ("wider wörds", "utf-32"),
    ],
)
def test_encoding_is_found_out(text: str, encoding: str) -> None:
    assert parsed(text.encode(encoding)).text == text


def test_stated_charset_is_used_where_utf8_does_not_fit() -> None:
    assert parsed("žluťoučký kůň".encode("cp1250"), "x.txt", "text/plain; charset=windows-1250").text == "žluťoučký kůň"
    page = "<html><head><meta charset=windows-1250></head><body>žluťoučký kůň</body></html>".encode("cp1250")
    assert parsed(page, "x.html").text == "žluťoučký kůň"


def test_invisible_and_forbidden_characters_are_gone() -> None:
    text = parsed("a\u200bb so\u00adft \u202eevil\u202c \x01end " + " more words" * 200).text
    assert text.startswith("ab soft evil end")


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"%PDF-1.4\n1 0 obj\n", "notes.md", "application/pdf"),
        (b"<!DOCTYPE html><p>x", "notes.md", "text/html"),
        (b"<?xml version='1.0'?>\n<html xmlns='x'>", "page", "text/html"),
        (b"# Heading\n\n```\ncode\n```\n", "no-suffix", "text/markdown"),
        (b"# Heading\n\n```\ncode\n```\n", "notes.txt", "text/plain"),
        (b"only words", "notes.md", "text/markdown"),
        (b"only words", "notes.html", "text/plain"),
        (b"<div>README with HTML on top</div>\n", "README.md", "text/markdown"),
        (b"we write about %PDF-1.4 in this line of text", "x", "text/plain"),
    ],
)
def test_media_type_comes_from_content_and_the_name_breaks_ties(data: bytes, name: str, expected: str) -> None:
    assert media_type_of(data, Claims(name=name)) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04rest",
        b"\x89PNG\r\n\x1a\n",
        b"\x7fELF\x02",
        bytes(range(256)) * 4,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    ],
)
def test_other_formats_are_unsupported_whatever_their_name(data: bytes) -> None:
    assert kind_of(data, "report.pdf") is QuarantineKind.UNSUPPORTED_FORMAT


def test_empty_and_wordless_files_have_no_text() -> None:
    for name, data in (("x.txt", b""), ("x.txt", b" \n\t"), ("x.md", b"***\n"), ("x.html", b"<html><p> </p></html>")):
        assert kind_of(data, name) is QuarantineKind.NO_TEXT


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The file is empty (0 bytes)."),
        (b" \n\t\r\n", "nothing but blanks and line ends (5 bytes)"),
        (b"\0" * 2000, "nothing but NUL bytes (2,000 of them)"),
        (b" \0\n", "nothing but blanks and line ends and NUL bytes (3 bytes)"),
        ("\u00a0\u3000".encode(), "The text file holds no text."),
    ],
)
def test_a_file_without_text_is_named_for_what_it_is_and_ocr_is_advised_for_scans_alone(data: bytes, said: str) -> None:
    with pytest.raises(DocumentRejected) as caught:
        parsed(data)
    assert said in caught.value.message
    assert "OCR" not in caught.value.remedy


def test_noise_is_unreadable() -> None:
    assert kind_of("\ufffd\ufffd \ufffd\ufffd x " * 50) is QuarantineKind.UNREADABLE
    assert kind_of("(cid:12)(cid:44)(cid:3) " * 50) is QuarantineKind.UNREADABLE
    assert kind_of("xkcd wrtz bcdf ghjk lmnp qrst vwxz " * 50) is QuarantineKind.UNREADABLE


@pytest.mark.parametrize("word", ["BZhongguo", "GIF89a", "RIFFs", "OggS", "ID3 tags", "PAR1S"])
def test_a_text_that_begins_like_a_binary_file_is_a_text(word: str) -> None:
    assert parsed(f"{word} is what this page of an encyclopedia is about.").text.startswith(word)
    assert kind_of(f"{word}\0\1\2\3\4\5\6".encode("latin-1")) is QuarantineKind.UNSUPPORTED_FORMAT
