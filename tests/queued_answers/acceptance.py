"""``make accept-answers``: many asynchronous questions, workers killed at random, one stored answer each."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from resources.clients.catalog import open_catalog
from resources.clients.qdrant.connect import connect
from tests.qdrant.server import EdgeServer
from tests.query_api.conftest import COLLECTION, DOCS, EMBEDDER, World, _record
from tests.queued_answers.killing import check, through_kills
from tests.queued_answers.receiver import Receiver
from tests.retrieval.small_index import write_index
from tests.services.postgres import PostgresServer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="accept-answers-")))
        postgres, edge = stack.enter_context(PostgresServer()), stack.enter_context(EdgeServer())
        receiver = stack.enter_context(Receiver())
        client = connect(edge.url)
        with open_catalog(postgres.url) as catalog:
            _record(catalog, write_index(client, COLLECTION, EMBEDDER, DOCS))
        client.close()
        world = World(database_url=postgres.url, qdrant_url=edge.url)
        outcome = through_kills(
            world.settings(home),
            receiver=receiver,
            marks=home / "marks",
            count=given.count,
            kills=given.kills,
            workers=given.workers,
            seed=given.seed,
            limit_s=1200,
            say=lambda line: print(line, flush=True),  # noqa: T201 - its output
        )
    check(outcome)
    print(  # noqa: T201 - its output
        f"{outcome.asked} questions, {outcome.killed} workers killed -9, {outcome.attempts} attempts, "
        f"{len(outcome.stored)} answers stored once each, {outcome.notifications} notifications under "
        f"{len(outcome.notified)} ids, {outcome.took_s:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
