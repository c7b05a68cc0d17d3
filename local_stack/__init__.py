"""Embedded servers for one machine, their supervisor, and the rag command."""
