"""The names that collection files give to things, and the one rule for how they are written."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

NAME_PATTERN = r"^[a-z][a-z0-9_]{1,47}$"


def is_name(text: str) -> bool:
    """Say whether a collection, a source or a field could have this name."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def _usable_name(name: str) -> str:
    if not is_name(name):
        message = f"{name[:60]!r} is no name: two to 48 lower-case letters, digits and underscores, a letter first"
        raise ValueError(message)
    return name


Name = Annotated[
    str,
    AfterValidator(_usable_name),
    Field(
        description="Lower-case letters, digits and underscores, 2 to 48 of them.",
        json_schema_extra={"pattern": NAME_PATTERN},
    ),
]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="A variable's name.")]
