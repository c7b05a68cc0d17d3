"""How a source declares its queue, and what a wrong declaration is told."""

from pathlib import Path
from threading import Event

import pytest

from rag_core.errors import ConfigurationError
from resources.clients.collection_files import check_collections, load_collections
from sensors.queue_audience import declared_queues
from sensors.queue_listening import queue_works

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/landing"
HEAD = "name: notes\nsources:\n  - name: landing\n    url: {url}\n    notifications:\n      sqs:\n"


def write(folder: Path, declared: str, *, name: str = "notes", url: str = "s3://docs/in") -> None:
    text = (HEAD.format(url=url) + "".join(f"        {line}\n" for line in declared.splitlines())).replace(
        "notes", name
    )
    (folder / f"{name}.yaml").write_text(text)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("region: eu-central-1", "one of queue_url and queue_url_env"),
        (f"queue_url: {URL}\nqueue_url_env: QUEUE", "one of queue_url and queue_url_env"),
        ("queue_url: arn:aws:sqs:eu-central-1:123456789012:landing", "is the queue's ARN, its URL is needed"),
        ("queue_url: landing", "is no queue's URL: https://sqs.REGION"),
        ("queue_url: https://user:pass@sqs.eu-central-1.amazonaws.com/1/landing", "is no queue's URL"),
        (f"queue_url: {URL}?x=1", "is no queue's URL"),
        (f"queue_url: {URL}\nqueueurl: x", "queueurl"),
        (f"queue_url: {URL}\nregion: Frankfurt", "region"),
        (f"queue_url: {URL}\nmax_receives: 0", "max_receives"),
    ],
)
def test_a_wrong_declaration_is_refused_with_file_line_and_reason(tmp_path: Path, declared: str, said: str) -> None:
    write(tmp_path, declared)
    (problem,) = check_collections(tmp_path)
    assert said in str(problem)
    assert problem.line >= 6


def test_a_folder_has_no_notifications(tmp_path: Path) -> None:
    write(tmp_path, f"queue_url: {URL}", url="docs")
    assert "needs an s3:// source" in str(check_collections(tmp_path))


def test_a_queue_is_read_once_however_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, f"queue_url: {URL}\nmax_receives: 3")
    write(tmp_path, "queue_url_env: QUEUE\nregion: eu-central-1", name="other")
    (queue,), problems = declared_queues(load_collections(tmp_path), environ={"QUEUE": f"{URL} "})
    assert not problems
    assert (queue.places, queue.region, queue.max_receives) == (
        [("notes", "landing"), ("other", "landing")],
        "eu-central-1",
        5,
    )


@pytest.mark.parametrize(("value", "said"), [("", "which is not set"), ("landing", "QUEUE is no queue's URL")])
def test_a_variable_that_holds_no_url_concerns_its_source_alone(tmp_path: Path, value: str, said: str) -> None:
    write(tmp_path, f"queue_url: {URL}")
    write(tmp_path, "queue_url_env: QUEUE", name="other")
    queues, (problem,) = declared_queues(load_collections(tmp_path), environ={"QUEUE": value})
    assert [queue.places for queue in queues] == [[("notes", "landing")]]
    assert (problem.collection, problem.source) == ("other", "landing")
    assert isinstance(problem.problem, ConfigurationError)
    assert said in str(problem.problem)


def test_every_queue_and_every_one_that_is_not_found_has_a_sign_of_life_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, f"queue_url: {URL}")
    write(tmp_path, f"queue_url: {URL.replace('eu-central-1', 'us-east-1')}", name="overseas")
    write(tmp_path, f"queue_url: {URL.replace('123456789012', '210987654321')}", name="partner")
    for name in ("lost", "gone"):
        write(tmp_path, "queue_url_env: NO_SUCH_VARIABLE", name=name)
    names = {work.name for work in queue_works(load_collections(tmp_path), Event())}
    assert names >= {
        "queue sqs.eu-central-1.amazonaws.com/123456789012/landing",
        "queue sqs.us-east-1.amazonaws.com/123456789012/landing",
        "queue sqs.eu-central-1.amazonaws.com/210987654321/landing",
        "queue of lost/landing not found",
        "queue of gone/landing not found",
    }
