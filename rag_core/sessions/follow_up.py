"""A follow-up as a question of its own, by a rule: what it leans on is put behind it, word for word.

The words come from the last question (as it was looked up, so that a chain of follow-ups keeps its subject) and, where
that names little, from the headings that its answer cited. Few of them: each word that is nowhere in a passage lowers
the passage's score, and headings such as "Chapter 2" are in none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_core.analyzer import analyze
from rag_core.sessions.dependence import leans_on_talk, words_of
from rag_core.sessions.values import ChatMessage, Role, TurnStatus

MAX_CHARACTERS = 2000
MAX_SUBJECT_WORDS = 8
MAX_HEADING_WORDS = 4
_ENOUGH_WORDS = 2
_HEADINGS_OF = 2
_MAX_WORD_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What to look up: ``text``; ``added`` are the words of the talk that the rule put behind the question."""

    text: str
    added: tuple[str, ...] = ()


def follow_up(question: str, history: Sequence[ChatMessage]) -> FollowUp:
    """Return the question as one that stands alone; one that does so already comes back as it is.

    ``history`` is the talk before it, oldest first. Every word that is added was said there.
    """
    if not history or not leans_on_talk(question):
        return FollowUp(text=question)
    known = set(analyze(question))
    added: list[str] = []
    for word in _subject(history):
        stems = analyze(word)
        if known.issuperset(stems):
            continue
        if len(_joined(question, [*added, word])) > MAX_CHARACTERS:
            break
        known.update(stems)
        added.append(word)
    return FollowUp(text=_joined(question, added), added=tuple(added)) if added else FollowUp(text=question)


def _joined(question: str, added: Sequence[str]) -> str:
    return f"{question} ({' '.join(added)})"


def _subject(history: Sequence[ChatMessage]) -> Iterator[str]:
    """Yield the words that say what was talked about: the last question's, then the cited headings'."""
    asked = next((each.said for each in reversed(history) if each.said.role is Role.USER), None)
    named = [] if asked is None else _naming(asked.standalone or asked.content, MAX_SUBJECT_WORDS)
    yield from named
    answer = next((each.said for each in reversed(history) if each.said.role is Role.ASSISTANT), None)
    if len(named) < _ENOUGH_WORDS and answer is not None and answer.status is TurnStatus.ANSWERED:
        headings = (place.heading_path[-1] for place in answer.citations[:_HEADINGS_OF] if place.heading_path)
        yield from _naming(" . ".join(headings), MAX_HEADING_WORDS)


def _naming(text: str, limit: int) -> list[str]:
    """Return the first words that name something, an equal one once."""
    words = [word.text for word in words_of(text) if word.names and len(word.text) <= _MAX_WORD_CHARACTERS]
    return list(dict.fromkeys(words))[:limit]
