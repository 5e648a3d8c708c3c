"""All that differs between SQLite and PostgreSQL: opening a database, and statements for which Core has no common form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

Synchronous: TypeAlias = Literal["FULL", "NORMAL", "OFF"]

_BUSY_TIMEOUT_MS = 5_000
_CACHE_KIB = 64 * 1024
_JULIAN_DAY_OF_EPOCH = 2_440_587.5
_SECOND_MS = 1_000
_DAY_MS = 86_400_000


class _DbapiConnection(Protocol):
    """The part of a driver's connection that opening a database touches."""

    isolation_level: str | None
    in_transaction: bool

    def execute(self, sql: str) -> object: ...


def open_database(url: str, *, synchronous: Synchronous = "FULL") -> sa.Engine:
    """Open a database by its URL ("sqlite:///state.db"); `synchronous` is a matter of SQLite only."""
    engine = sa.create_engine(url, hide_parameters=True)  # an error's text must not hold a patient's data
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine, synchronous)
    return engine


def driver_connection(engine: sa.Engine) -> sa.PoolProxiedConnection:
    """Open a connection of the driver itself, for a hot path; its first write begins a transaction."""
    connection = engine.raw_connection()
    if engine.dialect.name == "sqlite":
        cast("_DbapiConnection", connection.dbapi_connection).isolation_level = "IMMEDIATE"
    return connection


def driver_insert(engine: sa.Engine, table: sa.Table, columns: Iterable[str]) -> str:
    """Write the INSERT that a driver's `executemany` takes, with its parameters by name."""
    dialect = sqlite.dialect(paramstyle="named") if engine.dialect.name == "sqlite" else engine.dialect
    return str(sa.insert(table).compile(dialect=dialect, column_keys=list(columns)))


def _tune_sqlite(engine: sa.Engine, synchronous: Synchronous) -> None:
    pragmas = (
        "PRAGMA journal_mode=WAL",
        f"PRAGMA synchronous={synchronous}",
        f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}",
        f"PRAGMA cache_size=-{_CACHE_KIB}",
        "PRAGMA temp_store=MEMORY",
    )

    def on_connect(connection: _DbapiConnection, _record: object) -> None:
        # The driver would open transactions by itself, after the first read: BEGIN is ours.
        connection.isolation_level = None
        for pragma in pragmas:
            connection.execute(pragma)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN"))


def one_of(name: str) -> sa.BindParameter[Any]:
    """Make a parameter that stands for a list: statements are built once, building takes longer than running them."""
    return sa.bindparam(name, expanding=True)


def last_number(conn: sa.Connection, table: sa.Table) -> int:
    """Give the highest number that a table whose numbers are never given twice has given, 0 for none."""
    if conn.dialect.name == "sqlite":
        statement = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int(conn.scalar(statement, {"name": table.name}) or 0)
    return int(conn.scalar(sa.select(sa.func.max(table.c.id))) or 0)


def insert_new(conn: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Give the INSERT that leaves rows which are there already as they are."""
    return _insert_new(conn.dialect.name, table)


def upsert(
    conn: sa.Connection, table: sa.Table, values: tuple[str, ...], *, newer: tuple[str, ...] = ()
) -> sqlite.Insert | postgresql.Insert:
    """Give the INSERT that replaces `values` of a row with the same primary key.

    Shape: with `newer`, only where these columns of the new row, compared as a tuple, are the greater.
    """
    return _upsert(conn.dialect.name, table, values, newer)


def take_over(
    conn: sa.Connection, table: sa.Table, row: Mapping[str, object], condition: sa.ColumnElement[bool]
) -> sqlite.Insert | postgresql.Insert:
    """Give the INSERT of one row that replaces one with the same primary key where a condition holds of the latter."""
    insert = _insert(conn.dialect.name, table).values(dict(row))
    keys = list(table.primary_key.columns)
    values = {name: insert.excluded[name] for name in row if name not in {key.name for key in keys}}
    return insert.on_conflict_do_update(index_elements=keys, set_=values, where=condition)


def now_ms(conn: sa.Connection) -> sa.ColumnElement[int]:
    """Give the database's own time, of the moment at which a statement runs."""
    if conn.dialect.name == "sqlite":
        days = sa.func.julianday("now") - _JULIAN_DAY_OF_EPOCH
        return sa.cast(sa.func.round(days * _DAY_MS), sa.BigInteger)
    return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()) * _SECOND_MS, sa.BigInteger)


@cache
def _insert_new(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _upsert(
    dialect: str, table: sa.Table, values: tuple[str, ...], newer: tuple[str, ...]
) -> sqlite.Insert | postgresql.Insert:
    insert = _insert(dialect, table)
    new = insert.excluded
    where = None
    if newer:
        where = sa.tuple_(*(new[name] for name in newer)) > sa.tuple_(*(table.c[name] for name in newer))
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={name: new[name] for name in values}, where=where
    )


def _insert(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def is_temporary(error: DBAPIError) -> bool:
    """Tell whether the same work may succeed later: the database is away, locked or changed underneath."""
    return isinstance(error, OperationalError) or error.connection_invalidated


def has_transaction(conn: sa.Connection) -> bool:
    """Tell whether the transaction still stands: SQLite ends it by itself where the disk is full or fails."""
    if conn.invalidated or not conn.in_transaction():
        return False
    if conn.dialect.name != "sqlite":
        return True
    return cast("_DbapiConnection", conn.connection.dbapi_connection).in_transaction
