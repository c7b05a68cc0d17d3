"""What an engine read from a PDF: the same values whichever engine it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field


class EngineRefusedError(Exception):
    """An engine cannot open the file at all; another one may."""


class PasswordNeededError(Exception):
    """The file opens with a password only, and none of those given is the one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfLine:
    """One line as extracted; ``size`` is its letters' height in points (0: unknown)."""

    text: str
    size: float = 0
    starts_paragraph: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineEntry:
    """A bookmark: ``level`` from 1, ``page`` from 0."""

    level: int
    title: str
    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfContent:
    """The lines of every page (none for a failed one), the outline and the information dictionary."""

    engine: str
    pages: tuple[tuple[PdfLine, ...], ...]
    outline: tuple[OutlineEntry, ...] = ()
    info: Mapping[str, str] = field(default_factory=dict[str, str])
    failed_pages: tuple[int, ...] = ()

    def raw_text(self) -> str:
        """Return the uncleaned text of all pages."""
        return "\n".join(line.text for page in self.pages for line in page)
