"""The catalog knows when the last backup was taken: of a finished one alone, and after a restore as the backup did."""

import pytest

from recovery.backing_up import back_up
from recovery.backup_folder import BackupFolder
from recovery.opened import Opened
from resources.clients.catalog.backups import LastBackup
from tests.catalog.observing import rows
from tests.pipeline.corpus import Corpus, Killed
from tests.recovery.losing import killing, lose_everything, restored


def last(tools: Opened) -> LastBackup | None:
    return tools.catalog.backups.last()


def test_a_finished_backup_is_remembered_with_the_moment_that_it_is_of(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    assert last(served) is None
    with pytest.raises(Killed):
        back_up(served, folder, step=killing("parts"))
    assert last(served) is None
    back_up(served, folder)
    first = last(served)
    assert first is not None
    assert first.place == folder.place
    assert first.age_s < 600
    rows(served.settings.require("database_url"), "UPDATE platform SET backed_up_at = now() - interval '3 days'")
    with pytest.raises(Killed):
        back_up(served, folder, step=killing("parts"))
    old = last(served)
    assert old is not None
    assert old.age_s >= 3 * 86_400


def test_a_restored_catalog_remembers_what_that_of_the_backup_did(
    filled: Corpus, served: Opened, folder: BackupFolder
) -> None:
    back_up(served, folder)
    before = last(served)
    back_up(served, folder)
    lose_everything(filled, served)
    restored(filled, served, folder)
    found = last(served)
    assert found is not None
    assert before is not None
    assert found.of == before.of
