"""What an engine read from a PDF: the same values whichever engine it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field


class EngineRefusedError(Exception):
    """An engine cannot open the file at all; another one may."""


class PasswordNeededError(Exception):
    """The file opens with a password only, and none of those given is the one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfLine:
    """One line as extracted, a table row's cells set apart by `` | ``.

    ``size`` is its letters' height and ``height`` its place above the page's bottom, in points; 0 if not known.
    """

    text: str
    size: float = 0
    height: float = 0
    starts_paragraph: bool = False
    is_table_row: bool = False


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
    """Numbers, from 1, of pages that could not be read."""

    def page_text(self, index: int) -> str:
        """Return the uncleaned text of one page, counted from 0."""
        return "\n".join(line.text for line in self.pages[index])

    def raw_text(self) -> str:
        """Return the uncleaned text of all pages."""
        return "\n".join(line.text for page in self.pages for line in page)
