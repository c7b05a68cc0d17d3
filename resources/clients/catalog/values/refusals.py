"""What the catalog raises besides ``DependencyUnavailable`` and ``InvalidRequest``."""

from rag_core.errors import RagError


class PositionMoved(RagError):
    """Another tick moved this source's position meanwhile: nothing was recorded, look again."""


class ClaimLost(RagError):
    """The block's claim has moved on to another run: stop, write nothing more."""


class CatalogError(RagError):
    """The database refused a statement: a fault of this program or of its tables, not of a document.

    ``sqlstate`` is PostgreSQL's code. The message shows nothing of the values: it is read in Dagster's UI and in logs.
    """

    def __init__(self, message: str, *, sqlstate: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.sqlstate = sqlstate
