"""The client of rag-assets' REST API, for programs that wait and for those that do not.

    with RagClient("http://127.0.0.1:8000") as rag:
        print(rag.ask("handbook", "How long are backups kept?"))

``AsyncRagClient`` has the same methods. Results are frozen dataclasses; whatever fails is a ``RagError``.
"""

from rag_client.async_client import AsyncItems, AsyncRagClient
from rag_client.client import Items, RagClient
from rag_client.errors import (
    Conflict,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Problem,
    RagError,
    RateLimited,
    ServerFailed,
    StreamBroken,
    TimedOut,
    Unavailable,
    UnexpectedResponse,
    Unreachable,
    WaitedTooLong,
)
from rag_client.retrying import Retries
from rag_client.shapes.answers import (
    Answer,
    AnswerEvent,
    AnswerReady,
    FellBack,
    LaterAnswer,
    PassagesFound,
    QueuedAnswer,
    TextWritten,
)
from rag_client.shapes.citations import Citation, DocumentChunks, SearchResult
from rag_client.shapes.documents import Collection, Document, DocumentDetail
from rag_client.shapes.jobs import Job, Upload
from rag_client.shapes.service import Embeddings
from rag_client.shapes.sessions import Message, Project, Session

__all__ = [
    "Answer",
    "AnswerEvent",
    "AnswerReady",
    "AsyncItems",
    "AsyncRagClient",
    "Citation",
    "Collection",
    "Conflict",
    "Document",
    "DocumentChunks",
    "DocumentDetail",
    "Embeddings",
    "FellBack",
    "InvalidRequest",
    "Items",
    "Job",
    "LaterAnswer",
    "Message",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "PassagesFound",
    "Problem",
    "Project",
    "QueuedAnswer",
    "RagClient",
    "RagError",
    "RateLimited",
    "Retries",
    "SearchResult",
    "ServerFailed",
    "Session",
    "StreamBroken",
    "TextWritten",
    "TimedOut",
    "Unavailable",
    "UnexpectedResponse",
    "Unreachable",
    "Upload",
    "WaitedTooLong",
]
