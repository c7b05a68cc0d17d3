"""The answers that there are: written by a model, quoted, or none with the reason."""

from collections.abc import Iterable

from query_api.answering.asking import Answered, Generation, Usage
from query_api.answering.preparing import Prepared
from query_api.answering.writing import Writing
from query_api.retrieving import Retriever
from rag_core.answering.extractive import Abstained, confidence_of

NEAREST_SHOWN = 3
"""How many passages are cited where there is no answer."""


def written(prepared: Prepared, writing: Writing, *, threshold: float, model: str) -> Answered:
    """Return what a model wrote, with the passages that it cites."""
    answer = writing.checked()
    return Answered(
        found=prepared.found,
        text=answer.text,
        reason=None,
        confidence=confidence_of(prepared.found.passages),
        threshold=threshold,
        quotes=(),
        citations={number: prepared.order[number - 1] for number in sorted(answer.citations)},
        generation=_by_model(prepared, writing, model),
        usage=writing.usage,
    )


def unanswered(prepared: Prepared, writing: Writing, reason: Abstained, *, threshold: float, model: str) -> Answered:
    """Return that a model found no answer, with the nearest passages."""
    return Answered(
        found=prepared.found,
        text=None,
        reason=reason,
        confidence=confidence_of(prepared.found.passages),
        threshold=threshold,
        quotes=(),
        citations=_nearest(prepared),
        generation=_by_model(prepared, writing, model),
        usage=writing.usage,
    )


def quoted(
    prepared: Prepared,
    retriever: Retriever,
    *,
    in_order_of_quotes: bool,
    usage: Usage,
    model: str | None,
    because: str | None,
) -> Answered:
    """Return the quotes that answer, or why none does; ``because`` is why no model did, where one was wanted.

    Passages are numbered as they are quoted, or else as ``prepared`` orders them.
    """
    answer = retriever.quoted(prepared.query, prepared.found)
    quoted_ones = list(dict.fromkeys(quote.passage for quote in answer.quotes))
    ordered: Iterable[int] = quoted_ones if in_order_of_quotes else prepared.order
    numbers = {passage: number for number, passage in enumerate(ordered, start=1)}
    text = " ".join(f"{quote.text} [{numbers[quote.passage]}]" for quote in answer.quotes)
    cited = {numbers[passage]: passage for passage in quoted_ones}
    return Answered(
        found=prepared.found,
        text=text or None,
        reason=answer.abstained,
        confidence=answer.confidence,
        threshold=retriever.answer_threshold,
        quotes=answer.quotes,
        citations=dict(sorted(cited.items())) or _nearest(prepared),
        generation=Generation(mode="extractive", model=model, fell_back=because is not None, because=because),
        usage=usage,
    )


def _by_model(prepared: Prepared, writing: Writing, model: str) -> Generation:
    return Generation(
        mode="model",
        model=model,
        template=None if prepared.prompt is None else prepared.prompt.template,
        finish_reason=writing.finish_reason,
        unsupported_citations=len(writing.checked().unsupported),
    )


def _nearest(prepared: Prepared) -> dict[int, int]:
    """Return the best passages by their numbers."""
    numbers = {passage: number for number, passage in enumerate(prepared.order, start=1)}
    nearest = range(min(NEAREST_SHOWN, len(prepared.found.passages)))
    return dict(sorted((numbers[passage], passage) for passage in nearest))
