"""What a backup has copied so far, written down beside it: one that is killed is gone on with by the next.

A manifest names files when all are there; until then a file of the right name and size could be anything. The journal
keeps sizes and digests of what was copied whole, a bounded number of files in each of its own, so that writing it costs
the same however far the backup is.
"""

import json

from recovery.backup_folder import BackupFolder
from recovery.manifest import StoredFile

JOURNAL = "journal"
MOST_FILES = 100
MOST_BYTES = 256 * 1024 * 1024
"""So much at most is copied again after a kill."""


class CopyJournal:
    """The journal of one backup; what it noted is durable once ``written`` says so."""

    def __init__(self, folder: BackupFolder, backup: str) -> None:
        self._folder = folder
        self._backup = backup
        self._waiting: list[StoredFile] = []
        self._files = 0

    def note(self, copied: StoredFile) -> bool:
        """Note a file that is there whole; True if this made the journal write down all that it noted."""
        self._waiting.append(copied)
        if len(self._waiting) < MOST_FILES and sum(one.bytes for one in self._waiting) < MOST_BYTES:
            return False
        content = json.dumps([[one.file, one.bytes, one.sha256] for one in self._waiting]).encode()
        self._folder.put(f"{JOURNAL}/part-{self._backup}-{self._files:06}.json", content)
        self._files += 1
        self._waiting.clear()
        return True


def journaled(folder: BackupFolder) -> dict[str, StoredFile]:
    """Return what backups noted that were never finished, by file; a page of it that makes no sense is left out."""
    found: dict[str, StoredFile] = {}
    for file in folder.files(JOURNAL):
        with folder.open(file) as source:
            content = source.read()
        try:
            for name, size, sha256 in json.loads(content):
                found[str(name)] = StoredFile(file=str(name), bytes=int(size), sha256=str(sha256))
        except (ValueError, TypeError):
            continue
    return found
