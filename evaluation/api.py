"""The query API over HTTP, as any caller has it; its problems become our errors."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import httpx

from rag_core.errors import DependencyUnavailable, Permanent

TIMEOUT_S = 120.0
LARGEST_TOP_K = 1000
_PAGE = 500


class Api:
    """One API server; safe from several threads."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def search(self, collection: str, query: str, *, mode: str, top_k: int) -> list[dict[str, Any]]:
        """Return the best passages, best first."""
        body = {"collection": collection, "query": query, "mode": mode, "top_k": top_k}
        return self._json("POST", "/v1/search", json=body)["results"]

    def ask(self, collection: str, question: str) -> dict[str, Any]:
        """Return the answer, or the reason why there is none."""
        return self._json("POST", "/v1/ask", json={"collection": collection, "question": question})

    def collection(self, name: str) -> dict[str, Any] | None:
        """Return what the API says of a collection; None before anything was recorded for it."""
        known: Sequence[dict[str, Any]] = self._json("GET", "/v1/collections")["collections"]
        return next((each for each in known if each["name"] == name), None)

    def documents(self, collection: str) -> Iterator[dict[str, Any]]:
        """Yield every document of a collection, those that are gone among them."""
        after: str | None = None
        while True:
            given = {"collection": collection, "limit": _PAGE} | ({"after": after} if after else {})
            page = self._json("GET", "/v1/documents", params=given)
            yield from page["documents"]
            after = page["next_after"]
            if not after:
                return

    def below(self, collection: str, prefix: str) -> list[dict[str, Any]]:
        """Return the first documents whose URI begins with ``prefix``."""
        return self._json("GET", "/v1/documents", params={"collection": collection, "prefix": prefix})["documents"]

    def _json(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise DependencyUnavailable(f"The query API does not answer: {error}.", dependency="api") from error
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise DependencyUnavailable(f"The query API waits for something: {answer.text[:300]}", dependency="api")
        if not answer.is_success:
            raise Permanent(f"The query API answered {answer.status_code} to {path}: {answer.text[:300]}")
        return answer.json()
