"""Conversations: projects, sessions and their messages as values, and how a follow-up becomes a question of its own."""
