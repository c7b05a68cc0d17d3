"""Options that several commands share."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, in the shapes of the API.")]
CollectionOption = Annotated[
    str | None, typer.Option("--collection", "-c", help="Collection; may be left out when there is only one.")
]
FilterOption = Annotated[
    str, typer.Option("--filter", help='Conditions on metadata as JSON, such as \'{"team": "platform"}\'.')
]
Groups = Annotated[
    list[str] | None, typer.Option("--group", help="Look through the eyes of this group only; may be repeated.")
]
