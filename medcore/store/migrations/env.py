"""Alembic's entry: runs the steps on the connection that `database.py` opened and locked."""

from alembic import context

from medcore.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
