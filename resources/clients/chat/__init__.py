"""Chat models behind one port: any server that speaks OpenAI's chat completions."""

from resources.clients.chat.choosing import Chat, open_chat
from resources.clients.chat.port import ChatDelta, ChatModel

__all__ = ["Chat", "ChatDelta", "ChatModel", "open_chat"]
