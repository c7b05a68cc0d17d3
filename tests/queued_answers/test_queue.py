"""The queue in a real PostgreSQL: who may answer, who stores, and what happens to those that went silent."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from rag_core.queued_answers import (
    MAX_ATTEMPTS,
    AnswersFull,
    AnswerState,
    Failure,
    FailureKind,
    NewAnswer,
    OtherRequest,
    TakenAnswer,
    WebhookState,
)
from resources.clients.catalog import Catalog
from tests.catalog.conftest import catalog, migrated, server, url
from tests.catalog.observing import rows

__all__ = ["catalog", "migrated", "server", "url"]
LEASE_S = 30.0
OWNER = "k"
FAILURE = Failure(kind=FailureKind.INTERNAL, message="No.", remedy="Try.")


def new(question: str = "Why?", *, key: str | None = None, webhook: str | None = None) -> NewAnswer:
    return NewAnswer(
        answer_id=uuid4(),
        owner=OWNER,
        collection="handbook",
        request={"question": question},
        request_sha256=question.encode(),
        idempotency_key=key,
        webhook_url=webhook,
    )


def add(catalog: Catalog, question: str = "Why?", **more: str | None) -> UUID:
    return catalog.answers.add(new(question, **more), max_waiting=100).answer_id


def take(catalog: Catalog) -> TakenAnswer:
    taken = catalog.answers.take(lease_s=LEASE_S)
    assert taken is not None
    return taken


def lapse(url: str) -> None:
    """Let the time pass in which nobody renews."""
    rows(url, "UPDATE answers SET due_at = now() WHERE state = 'running'")


def test_questions_are_taken_in_the_order_in_which_they_came_each_by_one(catalog: Catalog) -> None:
    asked = [add(catalog, f"{number}?") for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: catalog.answers.take(lease_s=LEASE_S), range(24)))
    assert sorted(each.answer_id for each in taken if each) == sorted(asked)
    assert taken.count(None) == 4
    first, second = add(catalog, "a"), add(catalog, "b")
    assert [take(catalog).answer_id, take(catalog).answer_id] == [first, second]


def test_of_two_that_believe_to_have_the_right_one_stores(catalog: Catalog, url: str) -> None:
    asked = add(catalog, webhook="https://a.example/")
    slow = take(catalog)
    lapse(url)
    quick = take(catalog)
    assert (slow.attempt, quick.attempt) == (1, 2)
    assert not catalog.answers.finish(slow, {"n": 1}, seen_as=None)
    assert not catalog.answers.fail(slow, FAILURE)
    assert not catalog.answers.give_back(slow, delay_s=0, spends_attempt=True)
    assert catalog.answers.renew([slow.holder, quick.holder], lease_s=LEASE_S) == {quick.holder}
    assert catalog.answers.finish(quick, {"n": 2}, seen_as=["b"])
    assert not catalog.answers.finish(quick, {"n": 3}, seen_as=None)
    found = catalog.answers.find(OWNER, asked)
    assert found is not None
    assert (found.state, found.answer, found.seen_as, found.attempts) == (AnswerState.DONE, {"n": 2}, ("b",), 2)
    assert rows(url, "SELECT count(*) FROM answer_webhooks") == [(1,)]


def test_a_question_whose_workers_keep_dying_fails_with_a_reason(catalog: Catalog, url: str) -> None:
    asked = add(catalog, webhook="https://a.example/")
    for _ in range(MAX_ATTEMPTS):
        take(catalog)
        lapse(url)
    assert catalog.answers.take(lease_s=LEASE_S) is None
    found = catalog.answers.find(OWNER, asked)
    assert found is not None
    assert found.failure is not None
    assert found.failure.kind is FailureKind.ATTEMPTS_EXHAUSTED
    assert found.failure.remedy
    told = catalog.webhooks.take(lease_s=LEASE_S)
    assert told is not None
    assert (told.answer_id, told.state) == (asked, AnswerState.FAILED)


def test_a_question_given_back_by_a_worker_that_stops_has_spent_nothing(catalog: Catalog) -> None:
    add(catalog)
    assert catalog.answers.give_back(take(catalog), delay_s=0, spends_attempt=False)
    assert take(catalog).attempt == 1


def test_a_question_that_waits_for_its_next_attempt_is_not_due(catalog: Catalog) -> None:
    asked = add(catalog)
    assert catalog.answers.give_back(take(catalog), delay_s=60, spends_attempt=True)
    assert catalog.answers.take(lease_s=LEASE_S) is None
    due_in_s = catalog.answers.due_in_s()
    assert due_in_s is not None
    assert 0 < due_in_s <= 60
    found = catalog.answers.find(OWNER, asked)
    assert found is not None
    assert found.next_at is not None


def test_the_same_key_queues_once_however_many_send_it(catalog: Catalog) -> None:
    with ThreadPoolExecutor(8) as pool:
        placed = list(pool.map(lambda _: catalog.answers.add(new(key="one"), max_waiting=5), range(16)))
    assert len({each.answer_id for each in placed}) == 1
    assert [each.is_new for each in placed].count(True) == 1
    with pytest.raises(OtherRequest):
        catalog.answers.add(new("Another?", key="one"), max_waiting=5)


def test_a_full_queue_takes_exactly_as_many_as_may_wait(catalog: Catalog) -> None:
    def attempt(number: int) -> bool:
        try:
            catalog.answers.add(new(f"{number}?"), max_waiting=7)
        except AnswersFull:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, range(24))).count(True) == 7
    take(catalog)
    assert attempt(100)


def test_a_question_deleted_while_it_is_answered_is_stored_nowhere_and_told_to_nobody(
    catalog: Catalog, url: str
) -> None:
    asked = add(catalog, webhook="https://a.example/")
    taken = take(catalog)
    assert not catalog.answers.forget("another", asked)
    assert catalog.answers.forget(OWNER, asked)
    assert not catalog.answers.finish(taken, {}, seen_as=None)
    assert catalog.answers.renew([taken.holder], lease_s=LEASE_S) == frozenset()
    assert rows(url, "SELECT count(*) FROM answer_webhooks") == [(0,)]


def test_old_questions_go_with_their_notifications_and_running_ones_stay(catalog: Catalog, url: str) -> None:
    done, running, young = (add(catalog, each, webhook="https://a.example/") for each in ("a", "b", "c"))
    first = take(catalog)
    assert catalog.answers.finish(first, {}, seen_as=None)
    take(catalog)
    rows(
        url, "UPDATE answers SET created_at = now() - interval '9 days', finished_at = finished_at - interval '9 days'"
    )
    rows(url, "UPDATE answers SET created_at = now() WHERE answer_id = %s", [young])
    assert catalog.answers.prune(keep_days=7) == 1
    assert catalog.answers.find(OWNER, done) is None
    assert rows(url, "SELECT count(*) FROM answer_webhooks") == [(0,)]
    assert {each for (each,) in rows(url, "SELECT answer_id FROM answers")} == {running, young}


def test_a_notification_is_held_by_one_and_taken_again_when_its_sender_died(catalog: Catalog, url: str) -> None:
    asked = add(catalog, webhook="https://a.example/")
    assert catalog.answers.finish(take(catalog), {}, seen_as=None)
    first = catalog.webhooks.take(lease_s=LEASE_S)
    assert first is not None
    assert catalog.webhooks.take(lease_s=LEASE_S) is None
    rows(url, "UPDATE answer_webhooks SET due_at = now()")
    second = catalog.webhooks.take(lease_s=LEASE_S)
    assert second is not None
    assert (second.webhook_id, second.attempt) == (first.webhook_id, 1)
    catalog.webhooks.failed(first, "late", status=500, delay_s=None)  # it has lost the right to say so
    catalog.webhooks.delivered(second, status=204)
    found = catalog.answers.find(OWNER, asked)
    assert found is not None
    assert found.webhook is not None
    assert (found.webhook.state, found.webhook.status, found.webhook.error) == (WebhookState.DELIVERED, 204, "")
