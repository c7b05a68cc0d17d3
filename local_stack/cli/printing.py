"""How answers are shown: JSON on one side, tables and cited text on the other."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNWRAPPED = 100_000
"""Columns of output that is no terminal: whoever reads it there wants a row on a line."""

STATE_STYLES = {"indexed": "green", "unchanged": "green", "quarantined": "red", "retrying": "yellow", "deleted": "dim"}


def console() -> "Console":
    """Return the console of standard output; text is shown as it is, without markup."""
    from rich.console import Console

    made = Console(highlight=False, markup=False, soft_wrap=True)
    if not made.is_terminal:
        made.width = _UNWRAPPED
    return made


def print_table(table: "Table") -> None:
    """Print a table; where the output is no terminal nothing wraps, and no line ends in blanks."""
    out = console()
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as shown:
        out.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in shown.get().splitlines()))


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    console().print(json.dumps(value, ensure_ascii=False, indent=2), soft_wrap=True)


def plain(text: object) -> str:
    """Return text that cannot steer a terminal: documents are other people's."""
    return _CONTROL.sub("", str(text))


def visible(name: object) -> str:
    """Return a name on one line, with what cannot be seen in it escaped: two names never look the same by that."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(name))


def print_citations(citations: Sequence[Mapping[str, Any]], *, with_text: bool) -> None:
    """Print numbered citations: title, pages, URI, lineage, and the passage itself if asked for."""
    from rich.text import Text

    out = console()
    for each in citations:
        heading = Text(f"[{each['number']}] ", style="bold")
        heading.append(visible(each["title"] or each["uri"]), style="bold")
        heading.append(f"  {_where(each)}score {each['score']:.3f}", style="dim")
        out.print(heading)
        if with_text:
            out.print(Text(_indented(plain(each["text"]))))
        out.print(Text(f"    {visible(each['uri'])}", style="cyan"))
        made = each["lineage"]["made_by"]
        out.print(Text(f"    arrival {made['arrival']}, run {made['run_url'] or plain(made['run_id'])}", style="dim"))
        for other in each["also_at"]:
            out.print(Text(f"    also at {visible(other['uri'])}  {_where(other)}".rstrip(), style="dim"))


def print_documents(documents: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of documents: state, key, id, what is wrong and what to do."""
    from rich.table import Table
    from rich.text import Text

    id_below = console().is_terminal  # beside the name there would be no room for reasons
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in (
        ("state", "document", "chunks", "reason") if id_below else ("state", "document", "id", "chunks", "reason")
    ):
        table.add_column(column, overflow="fold", justify="right" if column == "chunks" else "left")
    for each in documents:
        reason = each["reason"]
        said = f"{reason['kind']}: {reason['message']} {reason['remedy']}" if reason else ""
        if each["stale"]:
            said += " (an older version goes on answering)"
        name = Text(visible(each["key"]))
        if id_below:
            name.append(f"\n{each['document_id']}", style="dim")
        chunks = str(each["indexed"]["chunks"]) if each["indexed"] else ""
        state = Text(each["state"], style=STATE_STYLES.get(each["state"], "yellow"))
        beside = () if id_below else (Text(each["document_id"]),)
        table.add_row(state, name, *beside, chunks, Text(" ".join(plain(said).split())))
    print_table(table)


def _where(place: Mapping[str, Any]) -> str:
    anchor = place["anchor"]
    return f"{visible(anchor['name'])}  " if anchor else ""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines() if line.strip())
