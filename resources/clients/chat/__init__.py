"""Chat models behind one port: any server that speaks OpenAI's chat completions."""

from resources.clients.chat.port import ChatDelta, ChatModel

__all__ = ["ChatDelta", "ChatModel"]
