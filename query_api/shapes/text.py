"""Strings that come from outside: bounded, and without characters that the parts behind cannot store."""

from typing import Annotated, Any

from fastapi import Header
from pydantic import AfterValidator, Field, StringConstraints

from rag_core.access import MAX_GROUP_CHARACTERS
from rag_core.names import NAME_PATTERN

MAX_QUESTION_CHARACTERS = 2000
MAX_TURN_CHARACTERS = 20_000


def _without_nul(value: str) -> str:
    if "\0" in value:
        message = "must not contain NUL"
        raise ValueError(message)
    return value


_NUL_FREE: Any = Field(json_schema_extra={"pattern": r"^[^\u0000]*$"})
_SAYS_SOMETHING: Any = Field(json_schema_extra={"pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"})
"""What the validators refuse, for who makes requests of the OpenAPI document."""

CollectionName = Annotated[str, Field(pattern=NAME_PATTERN, description="A collection's name.", examples=["handbook"])]
QuestionText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION_CHARACTERS),
    AfterValidator(_without_nul),
    _SAYS_SOMETHING,
]
Group = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_GROUP_CHARACTERS), AfterValidator(_without_nul), _NUL_FREE
]
TurnText = Annotated[str, StringConstraints(max_length=MAX_TURN_CHARACTERS), AfterValidator(_without_nul), _NUL_FREE]
Line = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_without_nul), _NUL_FREE]


def idempotency_header(description: str) -> Any:
    """Return how the header Idempotency-Key is declared, with what the route does with it."""
    return Header(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$", description=description)
