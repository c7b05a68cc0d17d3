"""A follow-up as a question of its own, by a chat model: its prompt, and the check of what it wrote."""

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from rag_core.analyzer import analyze
from rag_core.answering.fencing import unfenced
from rag_core.answering.generation import ChatTurn, Prompt
from rag_core.answering.templates import filled
from rag_core.sessions.values import ChatMessage, Role

DEFAULT = "standalone-v1"
MAX_TOKENS = 96
MAX_CHARACTERS = 2000
MAX_MESSAGES = 8
_MAX_MESSAGE_CHARACTERS = 1000
_NEW_SHARE = 1 / 3
_SAYS = {Role.USER: "They", Role.ASSISTANT: "You"}
_QUOTED = re.compile(r"^[\"'“”«»`\s]+|[\"'“”«»`\s]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RewritingTemplate:
    """The texts of the prompt; braces mark what is filled in."""

    name: str
    rules: str
    question: str


@lru_cache(maxsize=4)
def load_rewriting(name: str = DEFAULT) -> RewritingTemplate:
    """Return the template of that name and version; raises ``FileNotFoundError`` for one that was never made."""
    text = resources.files(__name__.rpartition(".")[0]).joinpath(f"templates/{name}.toml").read_text(encoding="utf-8")
    return RewritingTemplate(**{key: str(value).strip() for key, value in tomllib.loads(text).items()})


def rewriting_prompt(
    question: str,
    history: Sequence[ChatMessage],
    *,
    budget_tokens: int,
    count_tokens: Callable[[str], int],
    reserved: frozenset[str] = frozenset(),
) -> Prompt | None:
    """Return the prompt with as much of the end of the talk as the budget takes; None where not even one turn fits."""
    template = load_rewriting()
    said = [_said(message, reserved) for message in history[-MAX_MESSAGES:] if message.said.content]
    while said:
        asked = filled(template.question, talk="\n".join(said), question=unfenced(question, reserved))
        tokens = count_tokens(template.rules) + count_tokens(asked)
        if tokens <= budget_tokens:
            turns = (ChatTurn(role="system", content=template.rules), ChatTurn(role="user", content=asked))
            return Prompt(template=template.name, turns=turns, passages=(), tokens=tokens)
        said.pop(0)
    return None


def rewritten(written: str, question: str, history: Sequence[ChatMessage]) -> str | None:
    """Return the question that a model wrote, or None where it is none.

    It must be one line of bounded length, and two thirds of its words must have been said in the question or the talk:
    a rewritten question names what was talked about, it brings nothing of its own.
    """
    lines = [_QUOTED.sub("", line) for line in written.strip().splitlines()]
    found = lines[0] if lines else ""
    stems = set(analyze(found))
    if not stems or len(found) > MAX_CHARACTERS or any(lines[1:]) or "\0" in found:
        return None
    known = set(analyze(question))
    for message in history:
        known.update(analyze(message.said.content), analyze(message.said.standalone or ""))
        known.update(stem for place in message.said.citations for each in place.heading_path for stem in analyze(each))
    return found if len(stems - known) <= _NEW_SHARE * len(stems) else None


def _said(message: ChatMessage, reserved: frozenset[str]) -> str:
    content = message.said.standalone or message.said.content
    text = " ".join(unfenced(content[:_MAX_MESSAGE_CHARACTERS], reserved).split())
    return f"{_SAYS[message.said.role]}: {text}"
