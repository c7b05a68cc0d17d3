"""Chunking: passages with exact spans, cut where the text itself says so, so that an edit stays local.

``chunk_document`` is the door; ``measuring`` counts tokens, ``boundaries`` finds where a cut may go, ``cutting``
chooses among them.
"""

from rag_core.chunking.chunks import CHUNKER_VERSION, Chunk, chunk_document
from rag_core.chunking.context import embedding_text
from rag_core.chunking.measuring import ModelTokens, TokenOffsets

__all__ = ["CHUNKER_VERSION", "Chunk", "ModelTokens", "TokenOffsets", "chunk_document", "embedding_text"]
