"""Physical indexes: names and specs, one active for each collection."""

from rag_core.index_spec import IndexSpec
from resources.clients.catalog.database import Database
from resources.clients.catalog.values import IndexRow


class Indexes:
    """What writers ask for the physical name, and where a changed spec is refused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def active(self, collection: str) -> tuple[str, IndexSpec] | None:
        """Return the physical name and spec that serve, or None before the first."""
        raise NotImplementedError

    def register(self, collection: str, physical_name: str, spec: IndexSpec) -> tuple[str, IndexSpec]:
        """Make this the active index unless one is; return the active one. Safe from several processes.

        The caller compares: a differing spec means the collection file asks for another index than the one serving.
        """
        raise NotImplementedError

    def all(self, collection: str) -> list[IndexRow]:
        """Return every index ever registered, newest first."""
        raise NotImplementedError
