"""Every error the platform raises on purpose, as one tree.

    RagError
    ├── Transient                  trying again can help
    │   ├── DocumentUnavailable    scope document: this object's 503, this page's time-out
    │   ├── SourceAway             scope source: its store is away, or nobody declares it; other sources go on
    │   └── DependencyUnavailable  scope dependency: the whole store, index or database is away
    ├── Permanent                  trying again cannot help until someone changes something
    │   ├── DocumentRejected       this document cannot be indexed: quarantined with kind, message and remedy
    │   ├── ConfigurationError     a setting or a collection file is wrong
    │   └── InvalidRequest         a caller asked for something that cannot be done
    ├── Superseded                 something newer is known: stop, write nothing
    └── SourceChanged              the object changed while it was read: write nothing, stay due

The type says who retries: a ``DocumentUnavailable`` becomes the arrival's own ``retry_at`` and is never
raised past its document; a ``DependencyUnavailable`` is raised to Dagster's retry policy and spends no attempt;
a ``DocumentRejected`` is written into the catalog as a quarantine. A ``SourceAway`` says nothing about the document:
it stays due after a longer delay, and no attempt is spent.
"""

from enum import StrEnum


class RagError(Exception):
    """An error the platform raises on purpose: ``message`` says what happened, ``remedy`` what to do next."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """Show the message with its next step behind it."""
        return f"{self.message} {self.remedy}".strip()


class Transient(RagError):
    """Trying again can help."""


class DocumentUnavailable(Transient):
    """This one document could not be read or written now; the others can go on."""


class SourceAway(Transient):
    """Nothing of this document's source can be looked at now; that says nothing about the document itself.

    ``wait_s`` is how long to leave the source alone; ``until_confirmed`` where only a person can end the wait.
    """

    def __init__(
        self, message: str, *, source: str, wait_s: float, until_confirmed: bool = False, remedy: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.source = source
        self.wait_s = wait_s
        self.until_confirmed = until_confirmed


class DependencyUnavailable(Transient):
    """A whole part of the system (store, index, database, model server) is away."""

    def __init__(self, message: str, *, dependency: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.dependency = dependency


class Permanent(RagError):
    """Trying again cannot help until someone changes something."""


class QuarantineKind(StrEnum):
    """Why a document is quarantined; stable words that users filter and alert on."""

    PASSWORD_REQUIRED = "password-required"  # noqa: S105 - the name of a reason, not a secret
    UNSUPPORTED_FORMAT = "unsupported-format"
    NO_TEXT = "no-text"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    TOO_MUCH_MEMORY = "too-much-memory"
    CRASHED = "crashed"
    BAD_METADATA = "bad-metadata"
    ATTEMPTS_EXHAUSTED = "attempts-exhausted"


class DocumentRejected(Permanent):
    """This document cannot be indexed as it is; it is quarantined and says what its owner can do."""

    def __init__(self, kind: QuarantineKind, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.kind = kind


class ConfigurationError(Permanent):
    """A setting or a collection file is wrong; the message names file, line and field where there are any."""


class InvalidRequest(Permanent):
    """A caller asked for something that cannot be done."""


class Superseded(RagError):
    """Something newer is known of this document: stop and write nothing."""


class SourceChanged(RagError):
    """The object changed between two looks: write nothing, the arrival stays due."""
