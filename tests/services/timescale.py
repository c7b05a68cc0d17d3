"""A PostgreSQL with TimescaleDB, where the machine has one: Debian's, or the one that RAG_TEST_TIMESCALE_BIN names."""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from local_stack.postgres import server_environment
from local_stack.server_account import server_account
from tests.services.loopback import free_port, wait_until

VARIABLE = "RAG_TEST_TIMESCALE_BIN"


def timescale_binaries() -> Path | None:
    """Return the programs of the newest PostgreSQL here that has the extension; None where there is none."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        asked = subprocess.run([str(folder / "pg_config"), "--sharedir"], capture_output=True, text=True, check=False)
        if (Path(asked.stdout.strip()) / "extension" / "timescaledb.control").is_file():
            return folder
    return None


class TimescaleServer:
    """A server on a free loopback port while the ``with`` block lasts, open to everyone on this machine meanwhile."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._home = Path(tempfile.mkdtemp(prefix="rag-timescale-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def url_of(self, database: str) -> str:
        """Return the URL of ``database`` on this server."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def __enter__(self) -> Self:
        account = server_account()
        data = self._home / "data"
        self._home.chmod(0o755)
        data.mkdir(mode=0o700)
        if account is not None:
            account.owns(data)
        self._run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8").wait()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_preload_libraries": "timescaledb",
            "timescaledb.telemetry_level": "off",
            "fsync": "off",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self._process = self._run("postgres", "-D", str(data), *words)
        wait_until(self._answers, what="PostgreSQL with TimescaleDB to answer")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=30)
        shutil.rmtree(self._home, ignore_errors=True)

    def create_database(self, *, with_extension: bool = True) -> str:
        """Return the URL of a fresh database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        if with_extension:
            self.add_extension(self.url_of(name))
        return self.url_of(name)

    def add_extension(self, url: str) -> None:
        """Install the extension in a database."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION timescaledb")

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        account = server_account()
        with (self._home / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self._binaries / program), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home,
                env=server_environment(),
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else [],
            )

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"PostgreSQL ended: {(self._home / 'log').read_text()[-2000:]}")
        try:
            with psycopg.connect(self.url_of("postgres"), connect_timeout=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False
