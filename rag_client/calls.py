"""A call as a value: what is sent, what comes back, and whether it may be sent twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from rag_client.files import Form

T = TypeVar("T")
EMPTY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[T]):
    """One request. ``path`` is as in the OpenAPI document, ``at`` has what stands in its braces.

    ``shape`` is what the response is read as; ``is_repeatable`` says that a second sending changes nothing more, so
    that a lost connection or a 503 may be followed by another attempt.
    """

    method: str
    path: str
    shape: type[T]
    is_repeatable: bool
    at: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str | int] = field(default_factory=dict[str, "str | int"])
    body: Mapping[str, Any] | None = None
    form: Form | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    is_streamed: bool = False

    @property
    def target(self) -> str:
        """The path with its braces filled; nothing that was filled in can leave its segment."""
        filled = self.path
        for name, value in self.at.items():
            if value in {"", ".", ".."}:
                message = f"{name} cannot be {value!r}"
                raise ValueError(message)
            filled = filled.replace(f"{{{name}}}", quote(value, safe=""))
        return filled


def given(**members: Any) -> dict[str, Any]:
    """Return the members that have a value: what is left out follows the server's defaults."""
    return {name: value for name, value in members.items() if value is not None}


def listed(values: Sequence[str] | None) -> list[str] | None:
    """Return a list of words; one word alone is a mistake that would be read as its letters."""
    if isinstance(values, str):
        message = f"expected a list of words, got the word {values!r}"
        raise TypeError(message)
    return None if values is None else list(values)
