"""Waiting for what takes its time: looking again and again, through outages, until it is over or too late."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from rag_client.calls import Call
from rag_client.connecting import Connecting
from rag_client.errors import RateLimited, TimedOut, Unavailable, Unreachable, WaitedTooLong
from rag_client.retrying import Retries
from rag_client.steps import Flow, Give, Pause, Steps, sent

T = TypeVar("T")
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0
_GROWTH = 1.5
_LAST_LOOK_S = 1.0
"""So long an answer is waited for, however little time is left: the last look is more than a formality."""

_PASSING = (Unreachable, TimedOut, RateLimited, Unavailable)


def until(call: Call[T], is_over: Callable[[T], bool], *, timeout_s: float | None, what: str) -> Flow[T]:
    """Return the flow that gives what ``call`` brings once it ``is_over``.

    Raises ``WaitedTooLong`` after ``timeout_s`` (None: never), with the last trouble as its cause. A server that is
    silent is waited for as long as is left, and a second if that is less.
    """

    def steps(connecting: Connecting) -> Steps[None]:
        patient = replace(connecting, retries=Retries(attempts=1))  # the next look is the next attempt
        ends_at_s = None if timeout_s is None else time.monotonic() + timeout_s
        pause_s = _FIRST_PAUSE_S
        while True:
            last: Exception | None = None
            asked_s = 0.0
            try:
                shown = yield from sent(call, _within(patient, ends_at_s))
                if is_over(shown):
                    yield Give(shown)
                    return
            except _PASSING as error:
                last = error
                asked_s = getattr(error, "retry_after_s", None) or 0.0
            left_s = float("inf") if ends_at_s is None else ends_at_s - time.monotonic()
            if left_s <= 0:
                because = "" if last is None else f" {last}"
                raise WaitedTooLong(f"Waited {timeout_s:g} s for {what}.{because}") from last
            yield Pause(min(max(pause_s, asked_s), left_s))
            pause_s = min(_LONGEST_PAUSE_S, pause_s * _GROWTH)

    return Flow(steps)


def _within(connecting: Connecting, ends_at_s: float | None) -> Connecting:
    """Return settings under which a request ends with the time that is left."""
    if ends_at_s is None:
        return connecting
    left_s = max(_LAST_LOOK_S, ends_at_s - time.monotonic())
    return replace(
        connecting,
        timeout_s=min(connecting.timeout_s, left_s),
        connect_timeout_s=min(connecting.connect_timeout_s, left_s),
    )
