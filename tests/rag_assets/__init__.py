"""The Dagster layer in one process, over a real catalog and a real index."""
