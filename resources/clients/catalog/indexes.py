"""Physical indexes: names and specs, one active for each collection."""

from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import bindparam

from rag_core.index_spec import IndexSpec
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import IndexRow


class Indexes:
    """What writers ask for the physical name, and where a changed spec is refused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self, collection: str) -> tuple[str, IndexSpec] | None:
        """Return the physical name and spec that serve, or None before the first."""
        with self._database.transaction() as connection:
            return _active(connection, collection)

    def register(self, collection: str, physical_name: str, spec: IndexSpec) -> tuple[str, IndexSpec]:
        """Make this the active index unless one is; return the active one. Safe from several processes.

        The caller compares: a differing spec means the collection file asks for another index than the one serving.
        """
        parameters = {"collection": collection, "physical_name": physical_name, "spec": spec.to_json()}
        with self._database.transaction() as connection:
            connection.execute(_REGISTER, parameters)
            active = _active(connection, collection)
        return active if active is not None else (physical_name, spec)

    def all(self, collection: str) -> list[IndexRow]:
        """Return every index ever registered, newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(_ALL, {"collection": collection}).all()
        return [
            IndexRow(
                collection=row.collection,
                physical_name=row.physical_name,
                spec=row.spec,
                is_active=row.is_active,
                created_at=row.created_at,
            )
            for row in rows
        ]


def _active(connection: Connection, collection: str) -> tuple[str, IndexSpec] | None:
    row: Any = connection.execute(_ACTIVE, {"collection": collection}).one_or_none()
    return None if row is None else (row.physical_name, IndexSpec.from_json(row.spec))


_ACTIVE = text("SELECT physical_name, spec FROM indexes WHERE collection = :collection AND is_active")

_REGISTER = text("""
INSERT INTO indexes (collection, physical_name, spec, is_active) VALUES (:collection, :physical_name, :spec, true)
ON CONFLICT DO NOTHING
""").bindparams(bindparam("spec", type_=JSONB))

_ALL = text("""
SELECT collection, physical_name, spec, is_active, created_at FROM indexes WHERE collection = :collection
ORDER BY created_at DESC, physical_name
""")
