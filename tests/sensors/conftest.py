"""A real PostgreSQL once a session, a fresh catalog a test."""

from tests.catalog.conftest import catalog, migrated, server, url  # noqa: F401 - fixtures
