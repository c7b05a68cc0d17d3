"""The prompt of a question: rules, the talk so far, fenced passages, the question; never above its token budget.

What does not fit is left out, in this order: the oldest turns of the talk, then the passages that rank last. Rules and
question are always whole; where they alone exceed the budget there is no prompt.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rag_core.answering.fencing import on_one_line, unfenced
from rag_core.answering.templates import Template, filled, load_template
from rag_core.citations import Passage
from rag_core.errors import InvalidRequest

TURN_TOKENS = 8
"""What a chat format spends on a turn around its content: role, beginning, end."""
_SEPARATOR_TOKENS = 2
_HISTORY_SHARE = 0.25
_MAX_HEADING_CHARACTERS = 300

CountTokens = Callable[[str], int]
Role = Literal["system", "user", "assistant"]


class PromptTooLarge(InvalidRequest):
    """Rules and question alone do not fit the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTurn:
    """Who says what; a ``system`` turn of a history holds wishes of the person who asks."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a model chooses its words: with temperature 0 and a seed the same ones each time, where its server can."""

    temperature: float
    seed: int | None
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is given; number n in its answer is ``passages[n - 1]``, an index into the passages offered."""

    template: str
    turns: tuple[ChatTurn, ...]
    passages: tuple[int, ...]
    tokens: int


def build_prompt(
    question: str,
    passages: Sequence[Passage],
    *,
    budget_tokens: int,
    count_tokens: CountTokens,
    template: Template | None = None,
    history: Sequence[ChatTurn] = (),
    reserved: Iterable[str] = (),
) -> Prompt:
    """Return the prompt with as many of the passages, best first, as the budget takes; the first is cut if need be.

    ``reserved`` are marks that the model's tokenizer treats as its own. Raises ``PromptTooLarge``.
    """
    draft = _Draft(question, template or load_template(), count_tokens, frozenset(reserved))
    draft.wish([turn for turn in history if turn.role == "system"])
    if draft.tokens() > budget_tokens:
        raise _too_large(budget_tokens)
    draft.remember([turn for turn in history if turn.role != "system"], budget_tokens)
    draft.take_those_that_fit(passages, budget_tokens)
    if passages and not draft.taken:
        draft.take_a_part(0, passages[0], budget_tokens)
    return Prompt(
        template=draft.template.name,
        turns=tuple(draft.turns()),
        passages=tuple(number for number, _ in draft.taken),
        tokens=draft.tokens(),
    )


class _Draft:
    """A prompt while it is put together; ``tokens`` counts it as it would be sent."""

    def __init__(self, question: str, template: Template, count: CountTokens, reserved: frozenset[str]) -> None:
        self.template = template
        self.taken: list[tuple[int, str]] = []
        self._question = unfenced(question, reserved)
        self._count = count
        self._reserved = reserved
        self._rules = template.rules
        self._talk: list[ChatTurn] = []
        self._counted: dict[str, int] = {}

    def wish(self, turns: Sequence[ChatTurn]) -> None:
        """Add the wishes of whoever asks, behind the rules in the one system turn that every chat format knows."""
        said = "\n".join(unfenced(turn.content, self._reserved) for turn in turns).strip()
        if said:
            self._rules = f"{self.template.rules}\n\n{filled(self.template.wishes, wishes=said)}"

    def remember(self, turns: Sequence[ChatTurn], budget_tokens: int) -> None:
        """Add the newest turns, as many as fit a quarter of what is left."""
        left = int((budget_tokens - self.tokens()) * _HISTORY_SHARE)
        for turn in reversed(turns):
            said = ChatTurn(role=turn.role, content=unfenced(turn.content, self._reserved))
            left -= self._tokens_of(said)
            if left < 0:
                return
            self._talk.insert(0, said)
            if self.tokens() > budget_tokens:
                self._talk.pop(0)
                return

    def take(self, number: int, passage: Passage, text: str) -> None:
        """Add a passage under the next number."""
        headings = " › ".join((passage.place.title or passage.place.uri, *passage.place.heading_path))
        fenced = filled(
            self.template.passage,
            number=str(len(self.taken) + 1),
            heading=on_one_line(headings[:_MAX_HEADING_CHARACTERS], self._reserved),
            text=unfenced(text, self._reserved),
        )
        self.taken.append((number, fenced))

    def take_those_that_fit(self, passages: Sequence[Passage], budget_tokens: int) -> None:
        """Add passages, best first, each that fits beside those before it."""
        spent = self.tokens()
        for number, passage in enumerate(passages):
            self.take(number, passage, passage.text)
            cost = self._count(self.taken[-1][1]) + _SEPARATOR_TOKENS
            if spent + cost > budget_tokens:
                self.taken.pop()
            else:
                spent += cost
        while self.taken and self.tokens() > budget_tokens:  # a whole need not cost the sum of its parts
            self.taken.pop()

    def take_a_part(self, number: int, passage: Passage, budget_tokens: int) -> None:
        """Add the longest beginning of a passage that fits; raises ``PromptTooLarge``."""
        fits, step = 0, len(passage.text)
        while step > 1:
            step //= 2
            self.take(number, passage, passage.text[: fits + step])
            if self.tokens() <= budget_tokens:
                fits += step
            self.taken.pop()
        if not fits:
            raise _too_large(budget_tokens)
        self.take(number, passage, passage.text[:fits])

    def turns(self) -> list[ChatTurn]:
        """Return the turns as they are sent."""
        shown = "\n\n".join(text for _, text in self.taken)
        asked = filled(self.template.question, passages=shown, question=self._question)
        system = ChatTurn(role="system", content=self._rules)
        return [system, *self._talk, ChatTurn(role="user", content=asked.strip())]

    def tokens(self) -> int:
        """Return what the turns cost."""
        return sum(self._tokens_of(turn) for turn in self.turns())

    def _tokens_of(self, turn: ChatTurn) -> int:
        if turn.content not in self._counted:
            self._counted[turn.content] = self._count(turn.content) + TURN_TOKENS
        return self._counted[turn.content]


def _too_large(budget_tokens: int) -> PromptTooLarge:
    return PromptTooLarge(
        f"The question does not fit the {budget_tokens} tokens that the model reads.",
        remedy="Shorten it, or give the model more room (RAG_CHAT_CONTEXT_TOKENS).",
    )
