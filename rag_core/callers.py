"""Who asks, and what they may: the one rule by which every route decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rag_core.access import narrowed_groups


class Scope(StrEnum):
    """What a key is for; ``ADMIN`` implies all others."""

    READ = "read"
    INGEST = "ingest"
    METRICS = "metrics"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request.

    ``collections`` is ``None`` for all of them, those to come included. ``groups`` are those through whose eyes
    documents are looked at, ``None`` for one who sees every document; documents for everyone are always seen.
    ``namespace`` is the folder of the caller's uploads. ``key_id`` is ``None`` where the server asks for no keys.
    """

    key_id: str | None
    name: str
    scopes: frozenset[Scope]
    collections: frozenset[str] | None
    groups: tuple[str, ...] | None
    namespace: str

    def may(self, scope: Scope, collection: str | None = None) -> bool:
        """Say whether the caller may do this at all, or in a collection where one is named."""
        has_scope = scope in self.scopes or Scope.ADMIN in self.scopes
        return has_scope and (collection is None or self.collections is None or collection in self.collections)

    def still_sees(self, seen_as: Iterable[str] | None) -> bool:
        """Say whether the caller sees all that was seen through these groups' eyes (``None``: every document)."""
        return self.groups is None or (seen_as is not None and set(seen_as) <= set(self.groups))

    def groups_within(self, wanted: Iterable[str] | None) -> tuple[str, ...] | None:
        """Return through whose eyes to look: the caller's own, narrowed to those ``wanted``, never widened."""
        if wanted is None:
            return self.groups
        if self.groups is None:
            return tuple(sorted(set(wanted)))
        return narrowed_groups(self.groups, wanted)


LOCAL = Caller(
    key_id=None, name="local", scopes=frozenset({Scope.ADMIN}), collections=None, groups=None, namespace="local"
)
"""The caller of a server that asks for no keys: whoever sits at this machine."""
