"""Server-sent events as a client reads them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any


def events_in(lines: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the data of each event; comments come as ``("", text)``."""
    name, data = "", ""
    for line in lines:
        if line.startswith(":"):
            yield "", line[1:].strip()
        elif line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif not line and name:
            yield name, json.loads(data)
            name, data = "", ""
