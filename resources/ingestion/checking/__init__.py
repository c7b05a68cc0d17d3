"""Checks: what the catalog says, what rests in Parquet and what the index holds must be one thing.

``blocks`` says which documents are looked at; ``stored_rows`` and ``held_points`` look; ``strangers`` looks for points
of documents that should have none; ``promises`` are the checks by name.
"""
