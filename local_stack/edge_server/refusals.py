"""What the server answers when it does not do what was asked, in Qdrant's words where a client may look for them."""

from collections.abc import Generator
from contextlib import contextmanager

from rag_core.errors import RagError


class Refusal(RagError):
    """An answer other than 200: ``status`` is the HTTP status."""

    status = 400


class Malformed(Refusal):
    """The request cannot be understood or breaks a rule."""


class NotFound(Refusal):
    """A collection, an alias or a point that is not there."""

    status = 404


class Conflict(Refusal):
    """Something of that name exists."""

    status = 409


class TooLarge(Refusal):
    """The request's body is over the limit."""

    status = 413


class NotServed(Refusal):
    """Qdrant has it, this server does not: the message names the operation."""

    status = 501

    def __init__(self, operation: str) -> None:
        super().__init__(f"Not implemented: the local Qdrant Edge server does not serve `{operation}`")


class EngineFailed(Refusal):
    """The engine could not do its work; not the request's fault."""

    status = 500


def no_collection(name: str) -> NotFound:
    """Return the answer for a collection that is not there."""
    return NotFound(f"Not found: Collection `{name}` doesn't exist!")


@contextmanager
def reading_request() -> Generator[None]:
    """Turn what Python or the engine's constructors say of a value they cannot take into ``Malformed``."""
    try:
        yield
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        words = " ".join(str(error).split())[:500]
        raise Malformed(f"Format error in JSON body: {words}") from error


@contextmanager
def asking_engine() -> Generator[None]:
    """Turn the engine's errors, which all are plain ``Exception`` or a panic, into answers."""
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        words = str(error)
        if words.startswith("No point with id"):
            raise NotFound(f"Not found: {words} found") from error
        if words.startswith(
            ("Service internal error", "Service runtime error", "Out of memory", "Operation cancelled")
        ):
            raise EngineFailed(words) from error
        raise Malformed(f"Wrong input: {words}") from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # Rust's panic; its class cannot be imported
            raise EngineFailed(f"Service internal error: {error}") from error
        raise
