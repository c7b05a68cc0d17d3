"""What is measured with: a test collection where one is given, else documents of our own making."""

import random
from collections.abc import Iterator
from pathlib import Path

from evaluation.datasets import Record, read_corpus, read_judgements
from rag_core.errors import InvalidRequest

_STARTS = "b br c ch d dr f fl g gr h k l m n p pl pr r s st t tr v w".split()  # noqa: SIM905 - read as sounds
_ENDS = "ab ade al an ane ar at ax eck el en ent er ice id ine ing ish on or ose ot ure us".split()  # noqa: SIM905


def records(data: Path | None, every: int) -> list[Record]:
    """Return every ``every``th of a collection's documents, one at least; without ``data`` of 5,000 made ones."""
    found = list(made(5000, words=100, seed=1)) if data is None else list(read_corpus(data))
    return found[::every][: max(1, len(found) // every)]


def many(number: int) -> list[Record]:
    """Return so many made documents of one sentence each."""
    return list(made(number, words=8, seed=4))


def queries(data: Path | None, number: int) -> list[str]:
    """Return ``number`` different questions: the collection's own as far as they go."""
    own: list[str] = []
    if data is not None:
        try:
            own = list(read_judgements(data).queries.values())[:number]
        except InvalidRequest:
            own = []
    rng = random.Random(2)
    return own + [f"does {_word(rng)} {_word(rng)} change {_word(rng)}" for _ in range(number - len(own))]


def made(number: int, *, words: int, seed: int) -> Iterator[Record]:
    """Yield documents of words that no language has, in sentences and paragraphs, always the same."""
    rng = random.Random(seed)
    vocabulary = [_word(rng) for _ in range(4000)]
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    for index in range(number):
        drawn = rng.choices(vocabulary, weights, k=words)
        sentences = [" ".join(drawn[at : at + 14]).capitalize() + "." for at in range(0, words, 14)]
        paragraphs = [" ".join(sentences[at : at + 5]) for at in range(0, len(sentences), 5)]
        title = f"{' '.join(rng.choices(vocabulary, k=4)).capitalize()} {index}"
        yield Record(id=f"made-{index}", title=title, text="\n\n".join(paragraphs))


def _word(rng: random.Random) -> str:
    return "".join(rng.choice(_STARTS) + rng.choice(_ENDS) for _ in range(rng.randint(1, 3)))
