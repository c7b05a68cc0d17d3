"""How answers are shown: JSON on one side, tables and cited text on the other."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

STATE_STYLES = {"indexed": "green", "unchanged": "green", "quarantined": "red", "retrying": "yellow", "deleted": "dim"}


def console() -> "Console":
    """Return the console of standard output; text is shown as it is, without markup."""
    from rich.console import Console

    return Console(highlight=False, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    console().print(json.dumps(value, ensure_ascii=False, indent=2), soft_wrap=True)


def plain(text: object) -> str:
    """Return text that cannot steer a terminal: documents are other people's."""
    return _CONTROL.sub("", str(text))


def print_citations(citations: Sequence[Mapping[str, Any]], *, with_text: bool) -> None:
    """Print numbered citations: title, pages, URI, lineage, and the passage itself if asked for."""
    from rich.text import Text

    out = console()
    for each in citations:
        heading = Text(f"[{each['number']}] ", style="bold")
        heading.append(plain(each["title"] or each["uri"]), style="bold")
        heading.append(f"  {_where(each)}score {each['score']:.3f}", style="dim")
        out.print(heading)
        if with_text:
            out.print(Text(_indented(plain(each["text"]))))
        out.print(Text(f"    {plain(each['uri'])}", style="cyan"))
        made = each["lineage"]["made_by"]
        out.print(Text(f"    arrival {made['arrival']}, run {made['run_url'] or plain(made['run_id'])}", style="dim"))
        for other in each["also_at"]:
            out.print(Text(f"    also at {plain(other['uri'])}  {_where(other)}".rstrip(), style="dim"))


def documents_table(documents: Sequence[Mapping[str, Any]]) -> Any:
    """Return a table of documents: state, key, what is wrong and what to do."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("state", "document", "chunks", "reason"):
        table.add_column(column, overflow="fold", justify="right" if column == "chunks" else "left")
    for each in documents:
        reason = each["reason"]
        said = f"{reason['kind']}: {reason['message']} {reason['remedy']}" if reason else ""
        if each["stale"]:
            said += " (an older version goes on answering)"
        name = Text(plain(each["key"]))
        name.append(f"\n{each['document_id']}", style="dim")
        chunks = str(each["indexed"]["chunks"]) if each["indexed"] else ""
        state = Text(each["state"], style=STATE_STYLES.get(each["state"], "yellow"))
        table.add_row(state, name, chunks, Text(plain(said).strip()))
    return table


def _where(place: Mapping[str, Any]) -> str:
    anchor = place["anchor"]
    return f"{plain(anchor['name'])}  " if anchor else ""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines() if line.strip())
