"""Strings that come from outside: bounded, and without characters that the parts behind cannot store."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

MAX_QUESTION_CHARACTERS = 2000
MAX_TURN_CHARACTERS = 20_000


def _without_nul(value: str) -> str:
    if "\0" in value:
        message = "must not contain NUL"
        raise ValueError(message)
    return value


COLLECTION_NAME = r"^[a-z][a-z0-9_]{1,47}$"
CollectionName = Annotated[
    str, Field(pattern=COLLECTION_NAME, description="A collection's name.", examples=["handbook"])
]
QuestionText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION_CHARACTERS),
    AfterValidator(_without_nul),
]
Group = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_without_nul)]
TurnText = Annotated[str, StringConstraints(max_length=MAX_TURN_CHARACTERS), AfterValidator(_without_nul)]
Line = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_without_nul)]
