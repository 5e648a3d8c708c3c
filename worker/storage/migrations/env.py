"""Run migrations on the connection that `worker.storage.migrate` hands over."""

from __future__ import annotations

from alembic import context

from worker.storage import schema
from worker.storage.migrate import version_table

_database = context.config.attributes["database"]
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=getattr(schema, _database),
    version_table=version_table(_database),
)
with context.begin_transaction():
    context.run_migrations()
