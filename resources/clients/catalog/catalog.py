"""The catalog put together from its rooms."""

from collections.abc import AsyncGenerator, Sequence
from uuid import uuid4

from sqlalchemy import text

from resources.clients.catalog.audit import AuditLog
from resources.clients.catalog.backups import Backups
from resources.clients.catalog.chat import Keeping, Projects, Sessions, Turns
from resources.clients.catalog.claims import Claims
from resources.clients.catalog.contents import Contents
from resources.clients.catalog.database import Database
from resources.clients.catalog.dead_letters import DeadLetters
from resources.clients.catalog.descriptions import Descriptions
from resources.clients.catalog.due import Due
from resources.clients.catalog.evidence import Evidence
from resources.clients.catalog.figures import Figures
from resources.clients.catalog.indexes import Indexes
from resources.clients.catalog.keys import Keys
from resources.clients.catalog.lost_parts import LostParts
from resources.clients.catalog.messages import Messages
from resources.clients.catalog.migrating import migrate, require_version
from resources.clients.catalog.outbox import Outbox
from resources.clients.catalog.overview import Overview
from resources.clients.catalog.parts import Parts
from resources.clients.catalog.queries import Queries
from resources.clients.catalog.queued import Answers, Webhooks
from resources.clients.catalog.queued.waking import answers_heard
from resources.clients.catalog.queues import Queues
from resources.clients.catalog.recording import Recording
from resources.clients.catalog.retention import Retention
from resources.clients.catalog.sources import Sources
from resources.clients.catalog.stream_scopes import StreamScopes
from resources.clients.catalog.stream_troubles import StreamTroubles
from resources.clients.catalog.upload_requests import UploadRequests
from resources.clients.catalog.uploads import Uploads
from resources.clients.catalog.waiting import wait_for_due
from resources.clients.catalog.writing import Writing


class Catalog:
    """The truth about every arrival and document; threads may share it, forked processes must not."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self.recording = Recording(self._database)
        self.sources = Sources(self._database)
        self.claims = Claims(self._database)
        self.due = Due(self._database)
        self.parts = Parts(self._database)
        self.lost_parts = LostParts(self._database)
        self.retention = Retention(self._database)
        self.writing = Writing(self._database)
        self.indexes = Indexes(self._database)
        self.contents = Contents(self._database)
        self.uploads = Uploads(self._database)
        self.upload_requests = UploadRequests(self._database)
        self.messages = Messages(self._database)
        self.descriptions = Descriptions(self._database)
        self.stream_scopes = StreamScopes(self._database)
        self.stream_troubles = StreamTroubles(self._database)
        self.queues = Queues(self._database)
        self.dead_letters = DeadLetters(self._database)
        self.outbox = Outbox(self._database)
        self.keys = Keys(self._database)
        self.audit = AuditLog(self._database)
        self.answers = Answers(self._database)
        self.webhooks = Webhooks(self._database)
        self.queries = Queries(self._database)
        self.overview = Overview(self._database)
        self.figures = Figures(self._database)
        self.backups = Backups(self._database)
        self.evidence = Evidence(self._database)
        self.projects = Projects(self._database)
        self.sessions = Sessions(self._database)
        self.kept_messages = Keeping(self._database)
        self.turns = Turns(self._database, self.kept_messages)

    def migrate(self) -> None:
        """Bring the tables to this version; safe from several processes, quick when there is nothing to do."""
        migrate(self._database)

    def require_version(self) -> None:
        """Raise ``ConfigurationError`` unless the tables are as this program needs them; writes nothing."""
        require_version(self._database)

    def wait_for_due(self, collections: Sequence[str], *, timeout_s: float) -> frozenset[str]:
        """Return the collections with work to request, waiting up to ``timeout_s`` for the first; may be empty."""
        return wait_for_due(self._database, self.due, collections, timeout_s=timeout_s)

    def answers_heard(self) -> AsyncGenerator[None]:
        """Yield once it listens, and at each commit that has a question or notification for a worker; until closed."""
        return answers_heard(self._database)

    def platform(self) -> str:
        """Return which platform this is the catalog of, and in which database: a copy of it is another one.

        It is the same over restarts, our upgrades, and restores into the same database; PostgreSQL's own upgrade makes
        it another one. A copy of the disk, such as a managed database's snapshot, is not told apart.
        """
        with self._database.transaction() as connection:
            connection.execute(_NAMED, {"id": uuid4()})
            return connection.execute(_PLATFORM).scalar_one()

    def ping(self) -> None:
        """Return when the database answers; raises ``DependencyUnavailable``."""
        with self._database.transaction() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> "Catalog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_PLATFORM = text("""
SELECT p.id || ' in ' || c.system_identifier || '/' || current_database() || '/' || coalesce(current_schema(), '')
FROM platform p, pg_control_system() c
""")
_NAMED = text("INSERT INTO platform (is_this, id) VALUES (true, :id) ON CONFLICT DO NOTHING")


def open_catalog(url: str, *, migrates: bool = True) -> Catalog:
    """Return the catalog of a database, its tables brought to this version first, or refused if they are of another."""
    catalog = Catalog(url)
    try:
        if migrates:
            catalog.migrate()
        else:
            catalog.require_version()
    except BaseException:
        catalog.close()
        raise
    return catalog
