"""How old the last backup is: exported from the first one on, to whoever may read metrics."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient

from query_api.observing import names
from resources.clients.catalog import open_catalog
from tests.catalog.observing import rows
from tests.query_api.conftest import World


def test_the_age_of_the_last_backup_is_exported_once_there_is_one(
    world: World, api: TestClient, scrape: Callable[..., float | None]
) -> None:
    figures = api.app.state.connections.catalog_figures
    rows(world.database_url, "DELETE FROM platform")
    figures._looks.forget()
    assert scrape(names.BACKUP_AGE.name) is None
    with open_catalog(world.database_url) as catalog:
        catalog.platform()
        catalog.backups.note(of=datetime.now(UTC) - timedelta(days=3), place="/backups/\udcff")
    figures._looks.forget()
    age_s = scrape(names.BACKUP_AGE.name)
    assert age_s is not None
    assert 3 * 86_400 <= age_s < 4 * 86_400
    rows(world.database_url, "DELETE FROM platform")
