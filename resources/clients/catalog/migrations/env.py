"""Alembic's environment: it is handed a connection that is in a transaction, and runs the scripts on it."""

from alembic import context

from resources.clients.catalog.migrating import VERSION_TABLE
from resources.clients.catalog.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
