"""What both clients have: their settings, and an httpx client that is theirs or their owner's."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, Self, TypeVar

import httpx

from rag_client.connecting import LOCAL_URL, Connecting, from_environment, new_request_id
from rag_client.retrying import Retries

H = TypeVar("H", httpx.Client, httpx.AsyncClient)


class ClientBase(Generic[H]):
    """A client's settings; ``http`` brings an httpx client of one's own, for TLS, proxies or limits, and stays open."""

    def __init__(
        self,
        base_url: str = LOCAL_URL,
        *,
        api_key: str | None = None,
        timeout_s: float = 90.0,
        connect_timeout_s: float = 5.0,
        retries: Retries | None = None,
        request_ids: Callable[[], str] = new_request_id,
        headers: Mapping[str, str] | None = None,
        http: H | None = None,
    ) -> None:
        self._connecting = Connecting(
            base_url=base_url,
            api_key=api_key,
            timeout_s=timeout_s,
            connect_timeout_s=connect_timeout_s,
            retries=retries or Retries(),
            request_ids=request_ids,
            headers=dict(headers or {}),
        )
        self._is_own = http is None
        self._http: H = self._new_http() if http is None else http

    @classmethod
    def from_environment(cls, **changed: Any) -> Self:
        """Return a client of ``RAG_API_URL`` with ``RAG_API_KEY``, as the command line uses them."""
        return cls(**from_environment(changed))

    def _new_http(self) -> H:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connecting.root!r})"
