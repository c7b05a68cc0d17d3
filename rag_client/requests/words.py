"""The words that requests are made of."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict
from uuid import UUID

Id = str | UUID
Mode = Literal["hybrid", "dense", "sparse"]
Fusion = Literal["bounded_sum", "rrf", "dbsf"]
Generator = Literal["auto", "extractive", "model"]
Filters = Mapping[str, Any]


class Turn(TypedDict):
    """Who said what; ``system`` holds wishes about the form of the answer."""

    role: Literal["user", "assistant", "system"]
    content: str


class Wishes(TypedDict, total=False):
    """How a question is answered; what is left out follows the server's defaults."""

    top_k: int | None
    """How many passages are read for the answer."""
    filters: Filters | None
    """Conditions on metadata fields that the collection declares."""
    groups: Sequence[str] | None
    """Look through these groups' eyes only, as far as they are the key's."""
    generation: Generator | None
    """``auto``: the chat model, or quotation where there is none or it is away; or only one of them."""
    temperature: float | None
    seed: int | None
    max_tokens: int | None
    """What the model writes at most."""
    history: Sequence[Turn] | None
    """The talk before, oldest turn first."""
    session_id: Id | None
    """Ask within a session: a follow-up is rewritten with its history, question and answer are stored."""


class LaterWishes(TypedDict, total=False):
    """The same for a question that is answered later; sessions are asked at once."""

    top_k: int | None
    filters: Filters | None
    groups: Sequence[str] | None
    generation: Generator | None
    temperature: float | None
    seed: int | None
    max_tokens: int | None
    history: Sequence[Turn] | None
    webhook_url: str | None
    """Told when the question is answered or failed; hosts that the server's operator named only."""
