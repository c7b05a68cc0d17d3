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

    top_k: int
    """How many passages are read for the answer."""
    filters: Filters
    """Conditions on metadata fields that the collection declares."""
    groups: Sequence[str]
    """Look through these groups' eyes only, as far as they are the key's."""
    generation: Generator
    """``auto``: the chat model, or quotation where there is none or it is away; or only one of them."""
    temperature: float
    seed: int
    max_tokens: int
    """What the model writes at most."""
    history: Sequence[Turn]
    """The talk before, oldest turn first."""
    session_id: Id
    """Ask within a session: a follow-up is rewritten with its history, question and answer are stored."""


class LaterWishes(TypedDict, total=False):
    """The same for a question that is answered later; sessions are asked at once."""

    top_k: int
    filters: Filters
    groups: Sequence[str]
    generation: Generator
    temperature: float
    seed: int
    max_tokens: int
    history: Sequence[Turn]
    webhook_url: str
    """Told when the question is answered or failed; hosts that the server's operator named only."""
