"""Bring a database to the schema of this release, by the migrations that ship with it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from worker.storage.dialect import open_database

Name: TypeAlias = Literal["intake", "state"]

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(url: str, database: Name) -> None:
    """Create or upgrade a database; one that is up to date stays as it is."""
    engine = open_database(url)
    try:
        with engine.connect() as conn:
            config = _config(database)
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
            conn.commit()
    finally:
        engine.dispose()


def is_current(conn: sa.Connection, database: Name) -> bool:
    """Tell whether the database has the schema of this release."""
    context = MigrationContext.configure(conn, opts={"version_table": version_table(database)})
    return context.get_current_revision() == ScriptDirectory.from_config(_config(database)).get_current_head()


def revisions(conn: sa.Connection, database: Name) -> tuple[str | None, tuple[str, ...]]:
    """Give the revision of a database, None for one without tables, and those that this release knows, oldest first."""
    context = MigrationContext.configure(conn, opts={"version_table": version_table(database)})
    scripts = ScriptDirectory.from_config(_config(database))
    return context.get_current_revision(), tuple(
        script.revision for script in reversed(list(scripts.walk_revisions()))
    )


def version_table(database: Name) -> str:
    """Name the table that remembers the revision: both databases may live in one server."""
    return f"{database}_revision"


def _config(database: Name) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(_SCRIPTS / database))
    config.attributes["database"] = database
    return config
