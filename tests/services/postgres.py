"""A real PostgreSQL server of a test session, without durability (tests kill processes, not power)."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg

from local_stack.postgres import create_cluster, database_url, server_command, server_environment
from local_stack.server_account import server_account
from tests.services.loopback import free_port, wait_until

PASSWORD = "only-for-tests"


class PostgresServer:
    """A server on a free loopback port while the ``with`` block lasts; ``url`` is its empty database ``rag``."""

    def __init__(self) -> None:
        # Not under pytest's tmp_path: that is private to root and the server runs under its own account.
        self._home = Path(tempfile.mkdtemp(prefix="rag-postgres-"))
        self._data = self._home / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = self.url_of("rag")

    def url_of(self, database: str) -> str:
        """Return the URL of ``database`` on this server."""
        return database_url(port=self.port, password=PASSWORD, database=database)

    def __enter__(self) -> Self:
        create_cluster(self._data, password=PASSWORD, databases=["rag"], durable=False)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Start the server and return when it answers SQL."""
        account = server_account()
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                server_command(self._data, port=self.port, durable=False),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._data,
                env=server_environment(),
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else [],
            )
        wait_until(self._answers, what="PostgreSQL to answer")

    def stop(self) -> None:
        """Shut down at once but cleanly (what is committed stays), and wait for the end."""
        self._end(signal.SIGINT)

    def kill9(self) -> None:
        """Kill the server with its backends, as a crash of the machine would: nobody answers any more."""
        backends = [] if self._process is None else psutil.Process(self._process.pid).children()
        self._end(signal.SIGKILL)  # first, or it would start them anew
        for backend in backends:
            with contextlib.suppress(psutil.NoSuchProcess):
                backend.kill()
        psutil.wait_procs(backends, timeout=10)

    def restart(self) -> None:
        """Start again after ``kill9`` or ``stop``, or stop and start a running server; same URL, same data."""
        self.stop()
        self.start()

    def create_database(self, *, template: str | None = None) -> str:
        """Return the URL of a fresh database, a copy of ``template`` (a name or URL of this server) if given."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        source = "template0" if template is None else template.rsplit("/", 1)[-1]
        self._as_superuser(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Drop the database of ``url`` with everyone who is connected to it."""
        self._as_superuser(f'DROP DATABASE IF EXISTS "{url.rsplit("/", 1)[-1]}" WITH (FORCE)')

    def _as_superuser(self, statement: str) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"PostgreSQL ended: {(self._home / 'log').read_text()[-2000:]}")
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(timeout=30)
            self._process = None
