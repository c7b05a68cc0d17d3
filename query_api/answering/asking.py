"""The words of answering: what is asked, what comes while it is answered, and what was answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from query_api.retrieving import Found
from rag_core.answering.extractive import Abstained, Quote
from rag_core.answering.generation import ChatTurn
from rag_core.citations import Passage
from rag_core.errors import RagError
from rag_core.identity import Json


class Generator(StrEnum):
    """Who shall answer: ``AUTO`` is the model where there is one and it answers, else quotation."""

    AUTO = "auto"
    EXTRACTIVE = "extractive"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question; what is None is as the settings say. ``history`` is the talk before it, oldest turn first."""

    collection: str
    question: str
    top_k: int
    filters: Mapping[str, Json]
    groups: Sequence[str] | None
    generation: Generator = Generator.AUTO
    temperature: float | None = None
    seed: int | None = None
    max_tokens: int | None = None
    history: tuple[ChatTurn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Who answered and how; ``because`` says why a model that was wanted did not."""

    mode: Literal["extractive", "model"]
    model: str | None = None
    template: str | None = None
    fell_back: bool = False
    because: str | None = None
    finish_reason: Literal["stop", "length"] = "stop"
    unsupported_citations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that the model read and wrote, in answers that came to nothing, too."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer, or the reason why there is none; ``citations`` are indices of passages by the answer's numbers."""

    found: Found
    text: str | None
    reason: Abstained | None
    confidence: float
    threshold: float
    quotes: tuple[Quote, ...]
    citations: Mapping[int, int]
    generation: Generation
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class PassagesFound:
    """The first event: passages in the order of their numbers in all that follows."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWritten:
    """A piece of the answer; its citations are checked."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FellBack:
    """The text so far does not count: quotation answers, for this reason."""

    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReady:
    """The last event of an answer."""

    answered: Answered


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFailed:
    """The last event where there is no answer."""

    error: RagError


@dataclass(frozen=True, slots=True, kw_only=True)
class StillHere:
    """Nothing happened for a while; the answer is being worked on."""


Event = PassagesFound | TextWritten | FellBack | AnswerReady | AnswerFailed | StillHere
