"""Conversations in the catalog's database: who keeps which, their messages in order, and for how long."""

from resources.clients.catalog.chat.keeping import Keeping, Kept
from resources.clients.catalog.chat.projects import Projects
from resources.clients.catalog.chat.sessions import Sessions
from resources.clients.catalog.chat.turns import HELD_S, HeldTurn, Turns

__all__ = ["HELD_S", "HeldTurn", "Keeping", "Kept", "Projects", "Sessions", "Turns"]
