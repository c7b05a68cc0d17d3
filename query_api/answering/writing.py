"""What a model has written so far: checked citations, the reason of its end, and what it cost."""

from typing import Literal

from query_api.answering.asking import Usage
from query_api.answering.preparing import Prepared
from rag_core.answering.citing import CheckedAnswer, CitationCheck
from resources.clients.chat import ChatDelta


class Writing:
    """An answer while a model writes it."""

    def __init__(self, prepared: Prepared) -> None:
        given = () if prepared.prompt is None else prepared.prompt.passages
        self._prepared = prepared
        self._check = CitationCheck(
            [prepared.found.passages[each].text for each in given], question=prepared.ask.question
        )
        self._began = False
        self._pieces: list[str] = []
        self._prompt_tokens: int | None = None
        self._completion_tokens: int | None = None
        self.finish_reason: Literal["stop", "length"] = "stop"

    def take(self, delta: ChatDelta) -> str:
        """Take a piece; return what of the answer may leave."""
        self._began = True
        if delta.finish == "length":
            self.finish_reason = "length"
        if delta.prompt_tokens is not None:
            self._prompt_tokens = delta.prompt_tokens
        if delta.completion_tokens is not None:
            self._completion_tokens = delta.completion_tokens
        self._pieces.append(delta.text)
        return self._check.feed(delta.text)

    def end(self) -> str:
        """Return what still waited to leave."""
        return self._check.finish()

    @property
    def is_cited(self) -> bool:
        """Whether it says something and names a passage for it."""
        return self._check.is_cited

    def checked(self) -> CheckedAnswer:
        """Return the answer as it left."""
        return self._check.checked()

    @property
    def usage(self) -> Usage:
        """What the server says that it read and wrote, else what we count; nothing where it never began."""
        prompt = self._prepared.prompt
        if not self._began or prompt is None:
            return Usage()
        read, wrote = self._prompt_tokens, self._completion_tokens
        return Usage(
            prompt_tokens=prompt.tokens if read is None else read,
            completion_tokens=self._prepared.count_tokens("".join(self._pieces)) if wrote is None else wrote,
        )
