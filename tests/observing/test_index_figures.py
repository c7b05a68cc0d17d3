"""What the index holds beside what the catalog says, and the disk: exported, and missing where nobody answers."""

import math
from collections.abc import Callable
from pathlib import Path

from query_api.observing import names
from query_api.observing.index_figures import IndexFigures
from query_api.observing.metrics import Metrics
from rag_core.errors import DependencyUnavailable
from resources.clients.catalog import open_catalog
from tests.catalog.observing import COLLECTION, INDEX, index, present, record, rows, take
from tests.query_api.conftest import COLLECTION as HANDBOOK
from tests.query_api.conftest import DOCS
from tests.services.postgres import PostgresServer


def test_the_points_that_the_index_holds_are_exported(scrape: Callable[..., float | None]) -> None:
    assert scrape(names.INDEX_UP.name) == 1
    assert scrape(names.INDEX_POINTS.name, collection=HANDBOOK) == sum(len(doc.texts) for doc in DOCS)


def test_the_catalog_counts_the_points_of_the_active_index_alone(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    with open_catalog(url) as catalog:
        record(catalog, present("a"), present("b"))
        claim = take(catalog)
        index(catalog, claim, 0, "a")
        index(catalog, claim, 1, "b")
        assert catalog.figures.read()[COLLECTION].points == 0, "no index is active yet"
        rows(url, f"INSERT INTO indexes VALUES ('{COLLECTION}', '{INDEX}', '{{}}', true, now())")
        assert catalog.figures.read()[COLLECTION].points == 6
    postgres.drop_database(url)


def test_an_index_that_is_away_gives_no_figures() -> None:
    def read() -> dict[str, int]:
        raise DependencyUnavailable("Nobody listens.", dependency="qdrant")

    (up,) = IndexFigures(read).families(lambda _: True)
    assert (up.name, up.samples[0].value) == (names.INDEX_UP.name, 0)


def test_a_reader_sees_its_collections_alone() -> None:
    (_, points) = IndexFigures(lambda: {"open": 1, "closed": 2}).families(lambda name: name == "open")
    assert [sample.labels for sample in points.samples] == [{"collection": "open"}]


def test_the_disk_and_the_places_of_questions_are_exported(scrape: Callable[..., float | None]) -> None:
    free, size = scrape(names.HOME_FREE.name), scrape(names.HOME_SIZE.name)
    assert free is not None
    assert size is not None
    assert 0 < free < size
    assert scrape(names.ANSWER_PLACES.name) == 1000


def test_a_home_that_is_not_there_has_no_size(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.watch_home(tmp_path / "nowhere")
    assert math.isnan(metrics.registry.get_sample_value(names.HOME_FREE.name) or 0)
