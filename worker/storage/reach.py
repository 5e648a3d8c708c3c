"""Find out in plain words whether a state database can be used, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from worker.model.errors import ConfigError, LpwatchError, TemporaryError
from worker.model.time import SECOND_MS, EpochMs
from worker.storage.migrate import revisions

_POSTGRESQL: Final = "postgresql+psycopg"
_EXAMPLE: Final = "postgresql+psycopg://USER@HOST:PORT/NAME"
_CONNECT_S: Final = 5
# What libpq or the server says when no retry can help; neither gives a code before there is a connection.
_HOPELESS: Final = (
    ("password authentication failed", "the database refuses the user name or password"),
    ("no password supplied", "the database asks for a password; give database_password_file"),
    ("no pg_hba.conf entry", "the server lets nobody in from this address as this user (pg_hba.conf)"),
    ("pg_hba.conf rejects", "the server lets nobody in from this address as this user (pg_hba.conf)"),
    # Each of these files may be said not to exist, as a database may.
    ("root certificate file", "the file of sslrootcert in the URL cannot be read"),
    ("certificate file", "the file of sslcert in the URL cannot be read"),
    ("private key file", "the file of sslkey in the URL cannot be read"),
    ('role "', "the server knows no such user"),
    ("does not exist", "the server has no such database"),
    ("does not support ssl", "the server does not speak TLS; see sslmode in the URL"),
    ("certificate verify failed", "the server's certificate cannot be verified; see sslrootcert in the URL"),
    ("does not match host name", "the server's certificate is for another host name"),
    ("invalid connection option", "the URL has an option that the database does not know"),
    ("permission denied", "the user may not use this database"),
)
_AWAY: Final = (
    ("failed to resolve host", "the host name cannot be resolved"),
    ("could not translate host name", "the host name cannot be resolved"),
    ("refused", "nobody listens on this port"),
    ("starting up", "the database is starting"),
    ("shutting down", "the database is shutting down"),
    ("recovery mode", "the database is recovering"),
    ("too many clients", "the database has no connection left"),
    ("connection slots", "the database has no connection left"),
    ("timeout", "no answer in time; a firewall?"),
)


class Schema(StrEnum):
    """Say how the schema of a database stands to this release."""

    CURRENT = "current"
    EMPTY = "empty"
    OLDER = "older"
    FOREIGN = "of another release"


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a database says of itself.

    Shape: `server` is the major version; `clock_ms` its time of day; `is_encrypted` tells of this connection; `may_write`
    whether the user may write to the tables, or make them in an empty database.
    """

    server: int
    schema: Schema
    clock_ms: EpochMs
    is_encrypted: bool
    may_write: bool

    @property
    def is_foreign(self) -> bool:
        """Tell whether a migration cannot help: the schema is none that this release knows."""
        return self.schema is Schema.FOREIGN


def state_url(text: str, password: str | None = None) -> str:
    """Give the URL of a PostgreSQL database as the stores take it, with a password that was kept apart.

    Raises: ConfigError where it is none.
    """
    try:
        url = sa.make_url(text)
    except ArgumentError:
        raise ConfigError(f"no URL of a database; write {_EXAMPLE}", "database") from None
    if url.drivername == "postgresql":
        url = url.set(drivername=_POSTGRESQL)
    if url.drivername != _POSTGRESQL:
        raise ConfigError(f"must be PostgreSQL; write {_EXAMPLE}", "database")
    if password is not None:
        url = url.set(password=password)
    return url.render_as_string(hide_password=False)


def place_of(url: str) -> str:
    """Name a database without user and password."""
    made = sa.make_url(url)
    return f"database {made.host or 'localhost'}:{made.port or 5432}/{made.database or ''}"


def host_of(url: str) -> str:
    """Name the host of a database, or the folder of its socket."""
    made = sa.make_url(url)
    asked = made.query.get("host", "")
    return made.host or (asked if isinstance(asked, str) else asked[0]) or "localhost"


def look_at(url: str) -> DatabaseState:
    """Connect once, and ask the database how it stands.

    Raises: ConfigError where every retry would fail as well, TemporaryError where the database is away; the reason is in
    plain words.
    """
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"connect_timeout": _CONNECT_S})
    try:
        with engine.connect() as conn:
            return _state(conn)
    except DBAPIError as error:
        raise explain_database(str(error.orig), place_of(url)) from error
    finally:
        engine.dispose()


def explain_database(text: str, place: str) -> LpwatchError:
    """Say in plain words why a database cannot be used; the text itself is not repeated."""
    said = text.lower()
    for sign, reason in _AWAY:
        if sign in said:
            return TemporaryError(reason, place)
    for sign, reason in _HOPELESS:
        if sign in said:
            return ConfigError(reason, place)
    return TemporaryError("the database cannot be reached", place)


def check_schema(state: DatabaseState, place: str) -> None:
    """Make sure that this release can work with the database.

    Raises: ConfigError that says what to do.
    """
    if state.schema is Schema.FOREIGN:
        raise ConfigError("the database has the schema of another release; update lpwatch here", place)
    if state.schema is not Schema.CURRENT:
        kind = "is empty" if state.schema is Schema.EMPTY else "has the schema of an older release"
        raise ConfigError(f"the database {kind}; run: lpwatch db migrate --database URL", place)


def _state(conn: sa.Connection) -> DatabaseState:
    row = conn.execute(
        sa.text(
            "SELECT current_setting('server_version_num')::int / 10000 AS server,"
            " extract(epoch FROM clock_timestamp()) AS clock,"
            " coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS is_encrypted"
        )
    ).one()
    schema = _schema(conn)
    may_write = conn.scalar(sa.text("SELECT has_schema_privilege(current_schema(), 'CREATE')"))
    if schema is not Schema.EMPTY:
        may_write = conn.scalar(sa.text("SELECT has_table_privilege('outbox', 'INSERT,UPDATE,DELETE')"))
    return DatabaseState(
        row.server, schema, int(row.clock * SECOND_MS), bool(row.is_encrypted), bool(may_write)
    )


def _schema(conn: sa.Connection) -> Schema:
    found, known = revisions(conn, "state")
    if found is None:
        return Schema.EMPTY
    if found == known[-1]:
        return Schema.CURRENT
    return Schema.OLDER if found in known else Schema.FOREIGN
