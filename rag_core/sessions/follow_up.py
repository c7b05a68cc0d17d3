"""A follow-up as a question of its own, by a rule: what it leans on is put behind it, word for word.

The words come from the last question (as it was looked up, so that a chain of follow-ups keeps its subject) and, where
that named nothing, from the headings that its answer cited. A follow-up that says something of its own ("where are
they *stored*?") leaves behind what the last question said ("how long are backups *kept*?"). Few words, because each one
that is nowhere in a passage lowers the passage's score; and headings such as "Chapter 2" are in none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_core.analyzer import analyze
from rag_core.sessions.dependence import leans_on_talk, says_of_it, without_predicate, words_of
from rag_core.sessions.values import ChatMessage, Role, TurnStatus

MAX_CHARACTERS = 2000
MAX_SUBJECT_WORDS = 8
MAX_HEADING_WORDS = 4
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
    for word in _subject(history, whole=not says_of_it(question)):
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


def _subject(history: Sequence[ChatMessage], *, whole: bool) -> Iterator[str]:
    """Yield the words that say what was talked about: the last question's, ``whole`` or not, then cited headings'."""
    asked = next((each.said for each in reversed(history) if each.said.role is Role.USER), None)
    named = [] if asked is None else _naming(asked.standalone or asked.content, MAX_SUBJECT_WORDS, whole=whole)
    yield from named
    answer = next((each.said for each in reversed(history) if each.said.role is Role.ASSISTANT), None)
    if not named and answer is not None and answer.status is TurnStatus.ANSWERED:
        headings = (place.heading_path[-1] for place in answer.citations[:_HEADINGS_OF] if place.heading_path)
        yield from _naming(" . ".join(headings), MAX_HEADING_WORDS, whole=True)


def _naming(text: str, limit: int, *, whole: bool) -> list[str]:
    """Return the first words that name something, an equal one once."""
    words = words_of(text) if whole else without_predicate(words_of(text))
    named = [word.text for word in words if word.names and len(word.text) <= _MAX_WORD_CHARACTERS]
    return list(dict.fromkeys(named))[:limit]
