"""Who may find a document: the one rule that turns a document's groups into what its points carry.

Readers filter with "any of the caller's groups, or everyone" over the same values.
"""

from collections.abc import Iterable
from typing import Literal

EVERYONE = "*"
MAX_KEY_GROUPS = 128
"""How many groups a key may have, and a question be narrowed to."""
MAX_GROUP_CHARACTERS = 256


def stored_groups(
    declared: Iterable[str] | None, *, default_access: Literal["collection", "nobody"]
) -> tuple[str, ...]:
    """Return the sorted groups that points carry: the document's own, else everyone or nobody by the default."""
    if declared is not None:
        return tuple(sorted(set(declared)))
    return (EVERYONE,) if default_access == "collection" else ()


def narrowed_groups(held: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Return the groups that both ``held`` and ``wanted`` allow; never wider than either."""
    held, wanted = frozenset(held), frozenset(wanted)
    if EVERYONE in held:
        return tuple(sorted(wanted))
    if EVERYONE in wanted:
        return tuple(sorted(held))
    return tuple(sorted(held & wanted))
