"""Whether the service is there, its models, and vectors by them."""

from collections.abc import Sequence
from typing import Literal

from rag_client.calls import Call, given
from rag_client.requests.waiting import until
from rag_client.shapes.service import Alive, Embeddings, Model, ModelList, Ready
from rag_client.steps import Flow, once, part


def alive() -> Flow[Alive]:
    """Say whether the process answers; asks nothing of its parts, and needs no key."""
    return once(Call(method="GET", path="/healthz", shape=Alive, is_repeatable=False))


def ready() -> Flow[Ready]:
    """Say that catalog, index and models are there, or raise ``Unavailable`` at once; needs no key."""
    return once(_READY)


def wait_until_ready(*, timeout_s: float | None = 60.0) -> Flow[Ready]:
    """Wait until the service is there and ready; raises ``WaitedTooLong`` after ``timeout_s``."""
    return until(_READY, lambda shown: shown.ready, timeout_s=timeout_s, what="the service to be ready")


def models() -> Flow[tuple[Model, ...]]:
    """List the collections that may be chatted with."""
    call = Call(method="GET", path="/v1/models", shape=ModelList, is_repeatable=True)
    return part(call, lambda whole: whole.data)


def model(name: str) -> Flow[Model]:
    """Show a collection as a model."""
    return once(Call(method="GET", path="/v1/models/{model}", at={"model": name}, shape=Model, is_repeatable=True))


def embed(
    model: str,
    texts: str | Sequence[str],
    *,
    input_type: Literal["document", "query"] | None = None,
    encoding_format: Literal["float", "base64"] = "base64",
    dimensions: int | None = None,
    user: str | None = None,
) -> Flow[Embeddings]:
    """Embed texts by the model of a collection's index; ``.vectors`` has one for each, however they were sent."""
    body = given(
        model=model,
        input=texts if isinstance(texts, str) else list(texts),
        input_type=input_type,
        encoding_format=encoding_format,
        dimensions=dimensions,
        user=user,
    )
    return once(Call(method="POST", path="/v1/embeddings", body=body, shape=Embeddings, is_repeatable=True))


_READY = Call(method="GET", path="/readyz", shape=Ready, is_repeatable=False)
