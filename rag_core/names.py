"""The names that collection files give to things, and the one rule for how they are written."""

from typing import Annotated

from pydantic import Field

Name = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]{1,47}$", description="Lower-case letters, digits and underscores, 2 to 48 of them."
    ),
]
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="A variable's name.")]
