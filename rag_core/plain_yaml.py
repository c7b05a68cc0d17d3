"""Plain YAML: no aliases, no depth, so that a small file can neither expand nor cost more than its size."""

from collections.abc import Iterator
from typing import cast

import yaml


def check_plain(text: str, *, max_depth: int) -> None:
    """Raise ``yaml.MarkedYAMLError`` where the text is not YAML, or has an alias, or is nested too deeply.

    It stops at the first such place: PyYAML's own time grows with the square of the depth.
    """
    depth = 0
    # PyYAML has no types
    events = cast("Iterator[yaml.Event]", yaml.parse(text, Loader=yaml.SafeLoader))  # pyright: ignore[reportUnknownMemberType]
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed", problem_mark=event.start_mark)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > max_depth:
            raise yaml.MarkedYAMLError(problem="it is nested too deeply", problem_mark=event.start_mark)
