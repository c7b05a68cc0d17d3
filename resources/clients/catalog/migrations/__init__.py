"""Alembic scripts, packaged with the code that needs their tables."""
