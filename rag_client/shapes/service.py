"""The service itself: whether it is there, its models, and vectors by them."""

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """The process answers."""

    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Every part answers; ``parts`` names each."""

    ready: bool
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A collection that may be chatted with."""

    id: str
    object: str
    created: int = 0
    owned_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """The collections that the key may read."""

    object: str
    data: tuple[Model, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """A unit vector: ``vector`` has its numbers, whichever way it was sent."""

    object: str
    index: int
    embedding: tuple[float, ...] | str

    @property
    def vector(self) -> tuple[float, ...]:
        """The numbers; those sent as base64 are little-endian float32."""
        if not isinstance(self.embedding, str):
            return self.embedding
        packed = base64.b64decode(self.embedding)
        return struct.unpack(f"<{len(packed) // 4}f", packed)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingsUsage:
    """Tokens that were read."""

    prompt_tokens: int
    total_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """The vectors in the order of the texts."""

    object: str
    data: tuple[Embedding, ...]
    model: str
    usage: EmbeddingsUsage

    @property
    def vectors(self) -> tuple[tuple[float, ...], ...]:
        """One for each text."""
        return tuple(each.vector for each in self.data)
