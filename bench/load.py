"""Many clients at once against the one API process: what fails, how long it takes, and whether the process grows."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle

import httpx
import psutil

from bench.found import Found
from bench.stack import BenchStack
from local_stack.members import MARK

CLIENTS = 32
_TIMEOUT_S = 60.0
_LOOK_EVERY_S = 1.0
_MB = 1024 * 1024
_FIELDS = {"/v1/search": "query", "/v1/ask": "question"}


@dataclass(slots=True, kw_only=True)
class _Heard:
    """What one client was answered: seconds by path, and what failed."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {path: [] for path in _FIELDS})
    failed: Counter[str] = field(default_factory=Counter[str])


def measure_load(stack: BenchStack, collection: str, questions: list[str], minute_s: float, found: Found) -> None:
    """Let 32 clients search and ask by turns, without a pause, for two minutes of ``minute_s`` each.

    No question comes twice, so no memory helps; the process's memory is looked at every second. It may fill its
    buffers and caches in the first sixth of the first minute; from then on growth is growth.
    """
    ends = time.monotonic() + 2 * minute_s
    heard = [_Heard() for _ in range(CLIENTS)]
    url = stack.setting("api_url")
    threads = [
        threading.Thread(target=_client, args=(url, collection, questions, place, ends, heard[place]))
        for place in range(CLIENTS)
    ]
    api = _api_process(stack)
    began = time.monotonic()
    for thread in threads:
        thread.start()
    memory_mb = _memory_until(api, began, ends)
    for thread in threads:
        thread.join()
    _conclude(heard, memory_mb, minute_s, time.monotonic() - began, found)


def _client(url: str, collection: str, questions: list[str], place: int, ends: float, heard: _Heard) -> None:
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as client:
        for number, (path, text) in enumerate(cycle(_FIELDS.items())):
            began = time.monotonic()
            if began > ends:
                return
            question = f"{questions[(number * CLIENTS + place) % len(questions)]} {place} {number}"
            try:
                answer = client.post(path, json={"collection": collection, text: question})
            except httpx.HTTPError as error:
                heard.failed[f"{path}: {type(error).__name__}"] += 1
                continue
            if answer.status_code != httpx.codes.OK:
                heard.failed[f"{path}: {answer.status_code} {answer.text[:200]}"] += 1
            heard.seconds[path].append(time.monotonic() - began)


def _memory_until(process: psutil.Process, began: float, ends: float) -> list[tuple[float, float]]:
    """Return the process's resident memory in MB, each with the second at which it was looked at."""
    seen: list[tuple[float, float]] = []
    while True:
        now = time.monotonic()
        seen.append((now - began, process.memory_info().rss / _MB))
        if now >= ends:
            return seen
        time.sleep(max(0.0, min(_LOOK_EVERY_S, ends - now)))


def _conclude(
    heard: list[_Heard], memory_mb: list[tuple[float, float]], minute_s: float, seconds: float, found: Found
) -> None:
    failed = sum((each.failed for each in heard), Counter[str]())
    times = {path: sorted(one for each in heard for one in each.seconds[path]) for path in _FIELDS}

    def at(second: float) -> float:
        return next((mb for when, mb in memory_mb if when >= second), memory_mb[-1][1])

    warm_s = minute_s / 6
    found.set("load_errors", failed.total())
    found.set("load_growth_mb", at(2 * minute_s) - at(warm_s))
    found.tell(
        f"load of {CLIENTS} clients",
        requests=sum(map(len, times.values())),
        requests_per_s=sum(map(len, times.values())) / seconds,
        errors=failed.total(),
        **{f"{path[4:]}_ms_p{share}": 1000 * _share(times[path], share) for path in _FIELDS for share in (50, 95)},
        rss_mb_at_its_begin=memory_mb[0][1],
        **{f"rss_mb_at_second_{second:.0f}": at(second) for second in (warm_s, minute_s, 2 * minute_s)},
        rss_mb_at_most=max(mb for _, mb in memory_mb),
    )
    if failed:
        found.tell(f"load of {CLIENTS} clients", commonest_error=failed.most_common(1)[0][0])


def _share(ordered: list[float], percent: int) -> float:
    return ordered[percent * (len(ordered) - 1) // 100] if ordered else float("nan")


def _api_process(stack: BenchStack) -> psutil.Process:
    """Return the process that serves the stack's API."""
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[-1:] == ["query_api"] and process.environ().get(MARK) == str(stack.home):
            return process
    raise RuntimeError("the stack has no process of the query API")
