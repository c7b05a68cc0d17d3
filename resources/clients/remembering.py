"""Looked up once, remembered for a moment: for what is asked with every question and changes hardly ever."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Remembered(Generic[_Value]):
    """Values by name, each for at most ``refresh_s``; threads may share it."""

    def __init__(self, refresh_s: float) -> None:
        self._refresh_s = refresh_s
        self._known: dict[str, tuple[float, _Value]] = {}
        self._lock = threading.Lock()

    def get(self, name: str, look_up: Callable[[str], _Value], *, fresh: bool = False) -> _Value:
        """Return the value of a name, looked up now if it is old or ``fresh``; what raises is forgotten."""
        with self._lock:
            known = self._known.get(name)
            if known is not None and not fresh and time.monotonic() - known[0] < self._refresh_s:
                return known[1]
            self._known.pop(name, None)
        value = look_up(name)
        with self._lock:
            self._known[name] = (time.monotonic(), value)
        return value
