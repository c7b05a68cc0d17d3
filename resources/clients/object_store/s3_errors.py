"""The end of the line for obstore's errors: each becomes one of ours, and the type says whether to retry."""

import contextlib
from collections.abc import Callable, Generator

from rag_core.errors import DependencyUnavailable, DocumentUnavailable, InvalidRequest, SourceChanged
from resources.clients.object_store.port import RootMissing
from resources.clients.store_answers import code_of, first_line, reason_of, status_of

_DENIED = {401, 403}


class ObjectGone(Exception):
    """The store answered that there is no such object."""


@contextlib.contextmanager
def translating(
    root_uri: str, *, doing: str, probe: Callable[[], object] | None = None, refused_is_gone: bool = False
) -> Generator[None]:
    """Turn obstore's errors into ours; ``probe`` looks at the root to tell one object's fault from the store's.

    Without ``probe`` the fault is the store's own: this *is* the look at the root. ``refused_is_gone``: the store may
    refuse (400) a key that it can never hold; then nothing is there.
    """
    from obstore.exceptions import BaseError, InvalidPathError, PreconditionError

    try:
        yield
    except FileNotFoundError as error:
        if probe is None:
            raise _store_away(root_uri, doing, error) from error
        probe()  # a bucket that is gone answers 404 for each of its objects too
        raise ObjectGone from error
    except PreconditionError as error:
        raise SourceChanged(f"Could not {doing}: the object changed since it was looked at.") from error
    except (InvalidPathError, ValueError) as error:
        raise InvalidRequest(
            f"Could not {doing}: {first_line(error)}.",
            remedy="A key with an empty, '.' or '..' segment or a control character cannot be read; rename the object.",
        ) from error
    except (BaseError, OSError) as error:
        if probe is None:
            raise _store_away(root_uri, doing, error) from error
        probe()
        if refused_is_gone and status_of(error) == 400:
            raise ObjectGone from error
        raise DocumentUnavailable(f"Could not {doing}: {reason_of(error)}.") from error


def _store_away(root_uri: str, doing: str, error: Exception) -> DependencyUnavailable:
    status, code = status_of(error), code_of(error)
    if code == "NoSuchBucket" or (status == 404 and code in {"", "NoSuchKey"}):
        return RootMissing(
            f"The bucket of {root_uri} is not there.",
            dependency=root_uri,
            remedy="Create it, or correct the source's url or endpoint.",
        )
    remedy = "Check the credentials and their rights." if status in _DENIED else "It is tried again by itself."
    return DependencyUnavailable(f"Could not {doing}: {reason_of(error)}.", dependency=root_uri, remedy=remedy)
