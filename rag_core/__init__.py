"""Values and rules of the platform: no I/O, no Dagster, no vendor SDK."""
