"""What both clients have: their settings, an httpx client that is theirs or their owner's, and methods out of flows."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, Self, TypeVar, get_args

import httpx

from rag_client.connecting import LOCAL_URL, Connecting, from_environment, new_request_id
from rag_client.retrying import Retries
from rag_client.steps import Flow

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])
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


class Method(Generic[P, T]):
    """A method made of the function that describes its request; it has that one's arguments and description."""

    def __init__(self, flow: Callable[P, Flow[T]]) -> None:
        self.flow = flow
        self.__doc__ = flow.__doc__
        self._signature = _as_shown(inspect.signature(flow))

    def like_it(self, call: C) -> C:
        """Return ``call`` with the name, arguments and description of the flow, as ``help`` shows them."""
        functools.update_wrapper(call, self.flow)
        call.__signature__ = self._signature  # type: ignore[attr-defined]  # what ``inspect`` asks for first
        return call


def _as_shown(signature: inspect.Signature) -> inspect.Signature:
    """Return a flow's signature as its method's: it brings what the flow gives, and each wish stands by its name."""
    parameters: list[inspect.Parameter] = []
    for each in signature.parameters.values():
        if each.kind is each.VAR_KEYWORD:
            wishes = get_args(each.annotation)[0].__annotations__
            parameters += [_wish(name, annotation) for name, annotation in wishes.items()]
        else:
            parameters.append(each)
    return signature.replace(parameters=parameters, return_annotation=get_args(signature.return_annotation)[0])


def _wish(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
