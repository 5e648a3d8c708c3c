"""Bring a database to the schema of this release, by the migrations that ship with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from worker.model.errors import ConfigError, TemporaryError
from worker.storage import locks
from worker.storage.dialect import OLDEST_POSTGRESQL, POSTGRESQL, is_temporary, open_database
from worker.storage.locks import Chore

Name: TypeAlias = Literal["intake", "state"]

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(url: str, database: Name) -> None:
    """Create or upgrade a database; one that is up to date stays as it is. Of two that come at once one waits.

    Raises: ConfigError where lpwatch cannot work in this database; TemporaryError where it is away or locked.
    """
    engine = open_database(url)
    try:
        with _connected(engine) as conn:
            check(conn)
            locks.await_chore(conn, Chore.MIGRATE)
            config = _config(database)
            config.attributes["connection"] = conn
            command.upgrade(config, "head")
            conn.commit()
    finally:
        engine.dispose()


def check(conn: sa.Connection) -> None:
    """Check that a server can hold our data.

    Raises: ConfigError where it is too old, or stores text in an encoding that does not know every character.
    """
    if conn.dialect.name != POSTGRESQL:
        return
    version = conn.dialect.server_version_info or (0,)
    if version < (OLDEST_POSTGRESQL,):
        raise ConfigError(
            f"PostgreSQL {version[0]} is too old; {OLDEST_POSTGRESQL} or newer is needed", "database"
        )
    encoding = conn.scalar(sa.text("SELECT current_setting('server_encoding')"))
    if encoding != "UTF8":
        raise ConfigError(
            f"text is stored as {encoding}; create the database with ENCODING 'UTF8'", "database"
        )


@contextmanager
def _connected(engine: sa.Engine) -> Iterator[sa.Connection]:
    try:
        with engine.connect() as conn:
            yield conn
    except DBAPIError as error:
        if is_temporary(error):
            raise TemporaryError("database is away, busy, full or cannot be written to", "storage") from error
        raise


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
