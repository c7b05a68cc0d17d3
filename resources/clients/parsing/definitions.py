"""Where a program's definitions begin, by the look of a line: for all common languages alike, no grammar needed.

A definition begins where a line, with nothing but its indentation in front, introduces a named thing. Comments,
decorators and annotations right above belong to it. What it costs when a line only looks like one (in a long string,
say) is a cut in an odd place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|sealed|partial|virtual|override|async"
    r"|inline|extern|const|unsafe|pub(?:\([a-z]+\))?|open|data|suspend|native|synchronized|readonly|declare|local|mut"
    r"|friend|constexpr|explicit|implicit|lazy|case|companion|tailrec|operator)\s+)*"
)
_NAMED = (
    r"(?:class|struct|interface|trait|enum|union|record|object|namespace|module|mod|package|protocol|extension|impl"
    r"|def|defp|defmodule|defmacro|fn|func|fun|function\*?|sub|proc|procedure|macro_rules!|type|contract|library)"
)
_DEFINITIONS = (
    re.compile(rf"{_MODIFIERS}{_NAMED}\s+(?:\([^)]*\)\s*)?[\"'`]?(?P<name>[\w$][\w$.:<>\[\]!?]*)"),
    # const name = (…) => …, name = function (…)
    re.compile(
        r"(?:export\s+)?(?:default\s+)?(?:const|let|var)\s+(?P<name>[\w$]+)\s*(?::[^=]+)?=\s*(?:async\s*)?(?:function\b|\(|[\w$]+\s*=>)"
    ),
    # C, C++, Java, C#: a return type, a name, parameters, and a body that opens here or on the next line
    re.compile(
        rf"{_MODIFIERS}(?!return\b|else\b|throw\b|new\b|if\b|for\b|while\b|switch\b|case\b|await\b|delete\b|in\b|not\b)"
        r"(?:[A-Za-z_][\w:]*(?:<[^;={}]*>)?(?:\[\])*[\s*&]+)+(?P<name>~?[A-Za-z_][\w:]*)\s*\([^;{}=]*\)?[^;=]*\{?\s*$"
    ),
    # methods in a class body of JavaScript, shell functions
    re.compile(
        r"(?:async\s+|static\s+|get\s+|set\s+)*(?!if\b|for\b|while\b|switch\b|catch\b|function\b|with\b)(?P<name>[\w$#]+)\s*\([^;]*\)\s*\{\s*$"
    ),
    re.compile(
        r"(?i:create\s+(?:or\s+replace\s+)?(?:table|view|function|procedure|trigger|index|type|schema)\s+(?:if\s+not\s+exists\s+)?)(?P<name>[\w.\"`]+)"
    ),
)
_LEADING = re.compile(
    r"(?:#(?!include\b|define\b|if|endif|else|elif)|//|/\*|\*|--(?=\s)|;;|@\w|\[\w[^\]]*\]\s*$|'''|\"\"\"|///|template\s*<)"
)
_MAX_LINE_CHARS = 300
_TAB = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A named thing: its name, how deep it is nested (from 1), its first line (comments above it) and its own line."""

    name: str
    level: int
    first_line: int
    line: int


def definitions_in(lines: Sequence[str]) -> Iterator[Definition]:
    """Yield the definitions of a program in order; lines count from 0."""
    open_indents: list[int] = []
    previous = -1
    for at, line in enumerate(lines):
        stripped = line.strip()
        if not stripped or len(line) > _MAX_LINE_CHARS:
            continue
        name = _defined_name(stripped)
        if name is None:
            continue
        indent = _indent(line)
        while open_indents and open_indents[-1] >= indent:
            open_indents.pop()
        open_indents.append(indent)
        first = at
        while first - 1 > previous and _LEADING.match(lines[first - 1].strip()) and _indent(lines[first - 1]) >= indent:
            first -= 1
        previous = at
        yield Definition(name=name, level=len(open_indents), first_line=first, line=at)


def _defined_name(line: str) -> str | None:
    for pattern in _DEFINITIONS:
        match = pattern.match(line)
        if match is not None:
            return match.group("name").strip('"`:<')
    return None


def _indent(line: str) -> int:
    return sum(_TAB if char == "\t" else 1 for char in line[: len(line) - len(line.lstrip())])
