"""A broker of this area's own, which its tests may kill."""

from collections.abc import Iterator

import pytest

from tests.services.kafka import KafkaBroker


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaBroker]:
    """One broker on a free port; whoever kills it starts it again."""
    with KafkaBroker() as started:
        yield started
