"""``POST /v1/ask``."""

from fastapi import APIRouter

from query_api.dependencies import LinksDep, NoteDep, ReaderDep, RetrieverDep
from query_api.problems import PROBLEMS
from query_api.retrieving import Query
from query_api.shapes.citations import Span, citations_of
from query_api.shapes.questions import AskRequest, AskResponse, QuoteShape
from rag_core.answering.extractive import Abstained, Answer

router = APIRouter(prefix="/v1", tags=["questions"], responses=PROBLEMS)

NEAREST_SHOWN = 3
_REASONS = {
    Abstained.NO_PASSAGES: "No passage was found: the collection, or what the filter and groups leave of it, has none.",
    Abstained.NOT_IN_PASSAGES: "The passages that were found do not answer the question; the nearest ones are cited.",
    Abstained.NOTHING_TO_QUOTE: "The passages that were found hold no sentence to quote; they are cited.",
}


@router.post("/ask", summary="Ask a question")
def ask(request: AskRequest, retriever: RetrieverDep, links: LinksDep, caller: ReaderDep, note: NoteDep) -> AskResponse:
    """Answer with sentences quoted word for word and cited, or say why the passages do not answer."""
    note.of("ask", collection=request.collection, subject=request.question)
    found, answer = retriever.answer(
        Query(
            caller=caller,
            collection=request.collection,
            text=request.question,
            top_k=request.top_k,
            filters=request.filters,
            groups=request.groups,
        )
    )
    cited = _cited(answer) or list(range(min(NEAREST_SHOWN, len(found.passages))))
    numbers = {passage: number for number, passage in enumerate(cited, start=1)}
    quotes = [
        QuoteShape(
            text=quote.text,
            citation=numbers[quote.passage],
            span=Span(start=quote.start, end=quote.end),
            score=round(quote.score, 6),
        )
        for quote in answer.quotes
    ]
    return AskResponse(
        collection=request.collection,
        question=request.question,
        answered=answer.abstained is None,
        answer=" ".join(f"{quote.text} [{quote.citation}]" for quote in quotes) or None,
        reason=answer.abstained,
        reason_text=None if answer.abstained is None else _REASONS[answer.abstained],
        confidence=round(answer.confidence, 6),
        threshold=retriever.answer_threshold,
        quotes=quotes,
        citations=citations_of([found.passages[each] for each in cited], links),
        index=found.index.physical,
        model=found.index.spec.model_identity,
    )


def _cited(answer: Answer) -> list[int]:
    """Return the passages that are quoted, in the order of their first quote."""
    return list(dict.fromkeys(quote.passage for quote in answer.quotes))
