"""The keys of the query API: made, found, listed and revoked; only a hash of each secret is kept."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text

from rag_core.api_keys import KeyText
from rag_core.callers import LOCAL, Caller, Scope
from rag_core.errors import InvalidRequest
from resources.clients.catalog.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedKey:
    """What a key is to be; ``collections`` and ``groups`` are ``None`` for all of them.

    ``requests_per_minute`` is ``None`` for the server's own limit. ``takes_over`` lets the key have a name that a key
    had before, and with it that key's uploads.
    """

    name: str
    scopes: frozenset[Scope]
    collections: frozenset[str] | None
    groups: frozenset[str] | None
    requests_per_minute: int | None = None
    expires_at: datetime | None = None
    takes_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key as it is kept."""

    key_id: str
    name: str
    secret_sha256: bytes = field(repr=False)
    scopes: frozenset[Scope]
    collections: frozenset[str] | None
    groups: tuple[str, ...] | None
    namespace: str
    requests_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return ``live``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "live"

    @property
    def caller(self) -> Caller:
        """Return who sends it."""
        return Caller(
            key_id=self.key_id,
            name=self.name,
            scopes=self.scopes,
            collections=self.collections,
            groups=self.groups,
            namespace=self.namespace,
        )


class Keys:
    """What ``rag keys`` and the API ask of the catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, wanted: WantedKey) -> tuple[KeyText, StoredKey]:
        """Keep a new key; its text is returned here and never again.

        Raises ``InvalidRequest`` for a name that a key had before, unless the new one takes over from it.
        """
        if wanted.name == LOCAL.namespace:
            raise InvalidRequest(
                f"No key may be called {wanted.name!r}: it names the uploads of a server that asks for no keys.",
                remedy="Choose another name.",
            )
        made = KeyText.new()
        with self._database.transaction() as connection:
            connection.execute(_NAME_LOCK, {"name": f"key/{wanted.name}"})
            if not wanted.takes_over and connection.execute(_IS_TAKEN, {"name": wanted.name}).scalar_one():
                raise InvalidRequest(
                    f"There is or was a key called {wanted.name!r}.",
                    remedy="Choose another name, or say --rotate: the new key then has the old one's uploads, too.",
                )
            row = connection.execute(
                _INSERT,
                {
                    "key_id": made.id,
                    "name": wanted.name,
                    "secret_sha256": made.secret_sha256,
                    "scopes": sorted(wanted.scopes),
                    "collections": _stored(wanted.collections),
                    "groups": _stored(wanted.groups),
                    "requests_per_minute": wanted.requests_per_minute,
                    "expires_at": wanted.expires_at,
                },
            ).one()
        return made, _key(row)

    def find(self, key_id: str) -> StoredKey | None:
        """Return a key by its id, revoked and expired ones too."""
        with self._database.transaction() as connection:
            row = connection.execute(_FIND, {"key_id": key_id}).one_or_none()
        return None if row is None else _key(row)

    def every(self) -> list[StoredKey]:
        """Return all keys, oldest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(_EVERY).all()
        return [_key(row) for row in rows]

    def revoke(self, id_or_name: str) -> list[StoredKey]:
        """Revoke a key by its id, or all keys of a name; return those that were revoked now.

        Raises ``InvalidRequest`` where there is no such key. One that was revoked before keeps its date.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(_REVOKE, {"which": id_or_name}).all()
            is_known = rows or connection.execute(_IS_KNOWN, {"which": id_or_name}).scalar_one()
        if not is_known:
            raise InvalidRequest(f"There is no key {id_or_name!r}.", remedy="'rag keys list' shows which there are.")
        return [_key(row) for row in rows]


def _stored(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _key(row: Any) -> StoredKey:
    return StoredKey(
        key_id=row.key_id,
        name=row.name,
        secret_sha256=bytes(row.secret_sha256),
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        collections=None if row.collections is None else frozenset(row.collections),
        groups=None if row.groups is None else tuple(row.groups),
        namespace=row.namespace,
        requests_per_minute=row.requests_per_minute,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


_COLUMNS = """key_id, name, secret_sha256, scopes, collections, groups, namespace, requests_per_minute, created_at,
    expires_at, revoked_at"""

_NAME_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7264915033))")

_IS_TAKEN = text("SELECT EXISTS (SELECT 1 FROM api_keys WHERE name = :name)")

_INSERT = text(
    f"""
INSERT INTO api_keys (key_id, name, secret_sha256, scopes, collections, groups, namespace, requests_per_minute,
                      expires_at)
VALUES (:key_id, :name, :secret_sha256, CAST(:scopes AS text[]), CAST(:collections AS text[]),
        CAST(:groups AS text[]), :name, :requests_per_minute, :expires_at)
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of this module
)

_FIND = text(f"SELECT {_COLUMNS} FROM api_keys WHERE key_id = :key_id")  # noqa: S608 - constants of this module

_EVERY = text(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at, key_id")  # noqa: S608 - constants of this module

_REVOKE = text(
    f"UPDATE api_keys SET revoked_at = now() WHERE (key_id = :which OR name = :which) AND revoked_at IS NULL "  # noqa: S608 - constants of this module
    f"RETURNING {_COLUMNS}"
)

_IS_KNOWN = text("SELECT EXISTS (SELECT 1 FROM api_keys WHERE key_id = :which OR name = :which)")
