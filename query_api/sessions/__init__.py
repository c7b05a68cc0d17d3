"""Asking within a session: held, rewritten with its history, stored with its answer."""
