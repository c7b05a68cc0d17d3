"""What every request of a client has in common: where it goes, who sends it, how long it may take."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from rag_client.calls import Call
from rag_client.retrying import Retries

VERSION = "0.1.0"
LOCAL_URL = "http://127.0.0.1:8000"


def new_request_id() -> str:
    """Return an id that no other request has."""
    return uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """A client's settings.

    ``timeout_s`` is how long the server may be silent, ``connect_timeout_s`` how long a connection may take. An id of
    ``request_ids`` goes with each call as ``X-Request-ID`` and is in the server's log; ``headers`` go with every one.
    """

    base_url: str = LOCAL_URL
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 90.0
    connect_timeout_s: float = 5.0
    retries: Retries = field(default_factory=Retries)
    request_ids: Callable[[], str] = new_request_id
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = f"base_url must be like {LOCAL_URL}, not {self.base_url!r}"
            raise ValueError(message)

    @property
    def root(self) -> str:
        """Where the paths of the API begin; a ``/v1`` as OpenAI's clients want it is not counted twice."""
        return self.base_url.rstrip("/").removesuffix("/v1")

    @property
    def timeout(self) -> httpx.Timeout:
        """The limits as httpx takes them."""
        return httpx.Timeout(self.timeout_s, connect=self.connect_timeout_s)

    def request(self, http: httpx.Client | httpx.AsyncClient, call: Call[Any], request_id: str) -> httpx.Request:
        """Return a call as a request."""
        key = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return http.build_request(
            call.method,
            self.root + call.target,
            params=dict(call.query) or None,
            json=call.body,
            files=None if call.form is None else call.form.parts(),
            headers={
                "Accept": "text/event-stream, application/json" if call.is_streamed else "application/json",
                "User-Agent": f"rag-client/{VERSION}",
                **self.headers,
                **key,
                **call.headers,
                "X-Request-ID": request_id,
            },
            timeout=self.timeout,
        )


def from_environment(changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``RAG_API_URL`` and ``RAG_API_KEY`` as settings, under what is ``changed``."""
    named = {"base_url": os.environ.get("RAG_API_URL"), "api_key": os.environ.get("RAG_API_KEY")}
    return {**{name: value for name, value in named.items() if value}, **changed}
