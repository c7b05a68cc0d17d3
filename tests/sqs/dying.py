"""``python -m tests.sqs.dying FOLDER CATALOG BEFORE``: reads a queue and is killed before it records, or deletes."""

import os
import signal
import sys
from pathlib import Path

import resources.clients.aws.sqs
from resources.clients.aws.sqs import SqsQueue
from resources.clients.catalog import Catalog
from resources.clients.collection_files import load_collections
from sensors.queue_audience import declared_queues, open_audience
from sensors.queue_reading import QueueReader


def main(folder: str, url: str, before: str) -> None:
    """Read once."""
    resources.clients.aws.sqs.VISIBLE_AFTER_S = 0
    (declared,), _ = declared_queues(load_collections(Path(folder)))
    catalog, queue = Catalog(url), SqsQueue(declared.url)
    dies = (catalog.queues, "record") if before == "recorded" else (queue, "delete")
    setattr(*dies, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    reader = QueueReader(queue=queue, audience=open_audience(declared), catalog=catalog, max_receives=5)
    reader.tick(wait_s=0)


if __name__ == "__main__":
    main(*sys.argv[1:])
