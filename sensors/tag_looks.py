"""The tags of a listing's objects, which no listing brings: a request for each, some at once."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from rag_core.errors import DependencyUnavailable, DocumentUnavailable
from rag_core.objects import tags_version
from resources.clients.object_store import ObjectStore

REQUESTS_AT_ONCE = 16
TAG_PAGE_KEYS = 250
_UNREADABLE = "unreadable"


def tag_versions(store: ObjectStore, keys: Sequence[str], fields: Sequence[str]) -> Mapping[str, str]:
    """Return what each object's named tags announce, by key.

    An object whose tags cannot be read announces just that: a run looks at it, and says what is wrong. If that is true
    of each of them, it is the source's fault and no object's: raises ``DependencyUnavailable``.
    """
    failures: list[DocumentUnavailable] = []

    def look(key: str) -> str:
        try:
            return tags_version(store.tags(key), fields)
        except DocumentUnavailable as error:
            failures.append(error)
            return _UNREADABLE

    with ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="tags") as pool:
        try:
            versions = dict(zip(keys, pool.map(look, keys), strict=True))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failures and len(failures) == len(keys):
        first = failures[0]
        raise DependencyUnavailable(first.message, dependency=store.root_uri, remedy=first.remedy) from first
    return versions
