"""Open the state database of workers: its URL out of the settings, its schema, operators' moves."""

from __future__ import annotations

from worker.model.errors import ConfigError
from worker.runtime.settings import Settings
from worker.runtime.settings_given import read_secret
from worker.runtime.start import Patience
from worker.storage.migrate import upgrade
from worker.storage.reach import check_schema, look_at, place_of, state_url
from worker.storage.state import SqlState


def database_url(settings: Settings) -> str:
    """Give the URL of the database, password included.

    Raises: ConfigError where none is set, it is no PostgreSQL, or the password's file cannot be read.
    """
    if settings.database is None:
        raise ConfigError("database: postgresql+psycopg://USER@HOST:PORT/NAME is not set", "settings")
    password = None
    if settings.database_password_file is not None:
        password = read_secret(settings.database_password_file, "database_password_file").get_secret_value()
    return state_url(settings.database.get_secret_value(), password)


def await_database(settings: Settings, patience: Patience) -> str:
    """Wait for the database, and give its URL once it has the schema of this release.

    Raises: ConfigError where it has another schema or refuses us, TemporaryError where it stayed away for too long.
    """
    url = database_url(settings)

    def attempt() -> None:
        check_schema(look_at(url), place_of(url))

    patience.wait(attempt)
    return url


def migrate_database(settings: Settings, patience: Patience) -> str:
    """Bring the database to the schema of this release, waiting for it where it is away; give its name.

    Raises: ConfigError where it cannot be used or has the schema of a newer release.
    """
    url = database_url(settings)
    found = patience.wait(lambda: look_at(url))
    if found.is_foreign:
        check_schema(found, place_of(url))
    upgrade(url, "state")
    return place_of(url)


def open_database_state(settings: Settings) -> SqlState:
    """Open the state for an operator or a reader; workers may be running on it.

    Raises: ConfigError where the database refuses us or has another schema, TemporaryError where it is away.
    """
    url = database_url(settings)
    check_schema(look_at(url), place_of(url))
    return SqlState(url)
