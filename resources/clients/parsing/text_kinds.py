"""Kinds of text that show themselves: e-mails by their header, JSON lines by their records, tables by their columns."""

import csv
import io
import json
import re
from collections import Counter

_MAIL_HEADERS = frozenset({
    "from", "to", "cc", "subject", "date", "message-id", "mime-version", "received", "return-path", "delivered-to",
    "content-type", "dkim-signature", "reply-to", "in-reply-to",
})  # fmt: skip
_HEADER_NAME = re.compile(rb"([!-9;-~]{1,80}):(?=[ \t\r\n])")
_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 50
_MIN_TABLE_ROWS = 5
_MIN_TABLE_COLUMNS = 3


def is_mail(head: bytes, *, claimed: bool) -> bool:
    """Say whether a text begins with the header of an e-mail: three of its usual lines, or two if it is called one."""
    found: set[str] = set()
    lines = head.replace(b"\r\n", b"\n").split(b"\n")
    if lines[0].startswith(b"From ") and claimed:
        del lines[0]
    for line in lines:
        if line[:1] in {b" ", b"\t"}:
            continue
        match = _HEADER_NAME.match(line)
        if match is None:
            break
        found.add(match.group(1).decode("ascii").casefold())
    known = found & _MAIL_HEADERS
    return "from" in known and len(known) >= (2 if claimed else 3)


def is_json_lines(head: bytes, *, claimed: bool) -> bool:
    """Say whether each line is a record: two whole ones, or one if it is called so."""
    lines = [line for line in head.split(b"\n") if line.strip()]
    if not lines or not lines[0].lstrip().startswith((b"{", b"[") if claimed else b"{"):
        return False
    whole = lines[:-1] if len(lines) > 1 and not _is_record(lines[-1]) else lines
    if claimed:
        return _is_record(lines[0]) or len(lines) == 1  # one record may be longer than what is looked at
    return len(whole) >= 2 and all(map(_is_record, whole[:20]))


def is_table(head: bytes) -> bool:
    """Say whether nearly every line has the same three or more cells."""
    text = head.decode("utf-8", errors="replace").replace("\r\n", "\n")
    sample = text[: text.rfind("\n") + 1] or text
    sign = delimiter_of(sample)
    rows = [line for line in sample.split("\n") if line.strip()]
    if sign is None or len(rows) < _MIN_TABLE_ROWS:
        return False
    width, agreeing = Counter(line.count(sign) + 1 for line in rows).most_common(1)[0]
    return width >= _MIN_TABLE_COLUMNS and agreeing >= 0.95 * len(rows)


def delimiter_of(sample: str) -> str | None:
    """Return what separates the cells: the sign that cuts most lines into equally many, or None if none does.

    ``csv.Sniffer`` guesses letters and gives up on quoted cells; four signs cover what is written.
    """
    best: tuple[float, int, str] | None = None
    for sign in _DELIMITERS:
        widths: list[int] = []
        try:
            for row in csv.reader(io.StringIO(sample, newline=""), delimiter=sign):
                if row:
                    widths.append(len(row))
                if len(widths) >= _SAMPLE_ROWS:
                    break
        except csv.Error:
            continue
        if not widths:
            continue
        width, agreeing = Counter(widths).most_common(1)[0]
        if width > 1:
            best = max(best or (0.0, 0, ""), (agreeing / len(widths), width, sign))
    return best[2] if best is not None else None


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False
