"""A restore undoes no revocation, and starts no run under a key that Dagster knows."""

import pytest

from rag_core.callers import Scope
from recovery.backing_up import back_up
from recovery.backup_folder import BackupFolder
from recovery.opened import Opened
from resources.clients.catalog.keys import WantedKey
from tests.catalog.observing import rows
from tests.pipeline.corpus import Corpus
from tests.recovery.losing import lose_everything, restored


def make_key(corpus: Corpus, name: str) -> None:
    corpus.catalog.keys.create(
        WantedKey(name=name, scopes=frozenset({Scope.READ}), collections=None, groups=None, expires_at=None)
    )


@pytest.fixture
def backed_up(filled: Corpus, served: Opened, folder: BackupFolder) -> BackupFolder:
    make_key(filled, "leaked")
    back_up(served, folder)
    return folder


def test_what_was_revoked_or_made_since_the_backup_stays_so(
    filled: Corpus, served: Opened, backed_up: BackupFolder
) -> None:
    filled.catalog.keys.revoke("leaked")
    make_key(filled, "newer")
    assert restored(filled, served, backed_up).keys_back == 0
    kept = "SELECT name, revoked_at IS NULL FROM api_keys ORDER BY name"
    assert rows(served.settings.require("database_url"), kept) == [("leaked", False), ("newer", True)]


def test_keys_that_only_the_backup_has_come_back_and_are_counted(
    filled: Corpus, served: Opened, backed_up: BackupFolder
) -> None:
    lose_everything(filled, served)
    assert restored(filled, served, backed_up).keys_back == 1
    kept = "SELECT name, revoked_at IS NULL FROM api_keys"
    assert rows(served.settings.require("database_url"), kept) == [("leaked", True)]


def test_claims_of_a_collection_declared_after_the_backup_are_counted_from_the_restore_on(
    filled: Corpus, served: Opened, backed_up: BackupFolder
) -> None:
    restored(filled, served, backed_up)
    url = served.settings.require("database_url")
    rows(url, "INSERT INTO collections (collection) VALUES ('later')")
    ((first,),) = rows(url, "SELECT first_claim FROM collections WHERE collection = 'later'")
    assert first > 1_000_000_000
