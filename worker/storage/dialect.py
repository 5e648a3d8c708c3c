"""All that differs between SQLite and PostgreSQL: opening a database, and statements for which Core has no common form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from worker.model.errors import ConfigError, TemporaryError

Synchronous: TypeAlias = Literal["FULL", "NORMAL", "OFF"]

POSTGRESQL = "postgresql"
OLDEST_POSTGRESQL = 15

_BUSY_TIMEOUT_MS = 5_000
_CACHE_KIB = 64 * 1024
_JULIAN_DAY_OF_EPOCH = 2_440_587.5
_SECOND_MS = 1_000
_DAY_MS = 86_400_000

_POSTGRESQL_SETTINGS = {
    # A worker that was stopped in the middle of an assessment must not keep its patients for itself.
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "20s",
    # A partition of today is empty when its statements are planned: the plan would read all of it for hours.
    "enable_seqscan": "off",
    "jit": "off",
}
_POSTGRESQL_CONNECT = {
    "application_name": "lpwatch",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
# PostgreSQL's conditions (its appendix A) that are temporary, or lasting, against the class of error that the driver makes of
# them. A partition that another worker dropped is made again.
_TEMPORARY_STATES = frozenset(
    {"25006", "23514"}
)  # a server that is still a standby; no partition for the row
_LASTING_CLASSES = frozenset(
    {"54"}
)  # program limit exceeded: a value too long for an index, which stays too long
_FOREIGN_CLASSES = frozenset({"42"})  # access rule violation: no such table or column, or no right to it


class _DbapiConnection(Protocol):
    """The part of a driver's connection that opening a database touches."""

    isolation_level: str | None
    in_transaction: bool

    def execute(self, sql: str) -> object: ...


class _Copy(Protocol):
    """The rows that COPY is handed, as psycopg takes them."""

    def set_types(self, types: Sequence[str]) -> None: ...

    def write_row(self, row: Sequence[object]) -> None: ...


class _CopyCursor(Protocol):
    """The part of psycopg's cursor that COPY touches."""

    def copy(self, statement: str) -> AbstractContextManager[_Copy]: ...


class _CopyConnection(Protocol):
    """The part of psycopg's connection that COPY touches."""

    def cursor(self) -> AbstractContextManager[_CopyCursor]: ...


_COPY_TYPES = {sa.Integer: "int4", sa.BigInteger: "int8", sa.LargeBinary: "bytea"}


def open_database(url: str, *, synchronous: Synchronous = "FULL") -> sa.Engine:
    """Open a database by its URL; `synchronous` is a matter of SQLite only.

    Shape: "sqlite:///state.db" or "postgresql+psycopg://user@host:port/database". Nothing is asked of the server yet.
    Raises: ConfigError where the URL names neither.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(
            parsed, hide_parameters=True
        )  # an error's text must not hold a patient's data
        _tune_sqlite(engine, synchronous)
    else:
        engine = sa.create_engine(
            parsed,
            hide_parameters=True,
            isolation_level="READ COMMITTED",  # what assessment rests on (ADR 0010), whatever the server's default
            connect_args=_postgresql_arguments(parsed),
        )
        event.listen(engine, "handle_error", _hide_values)
    return engine


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() not in {"sqlite", POSTGRESQL}:
        # The URL itself may hold a password.
        raise ConfigError(
            "not the URL of a database that lpwatch knows; write sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST:PORT/DATABASE",
            "database",
        ) from None
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == POSTGRESQL else parsed


def _postgresql_arguments(url: sa.URL) -> dict[str, str]:
    """Give the arguments of a connection; what the URL says itself counts."""
    settings = " ".join(f"-c {name}={value}" for name, value in _POSTGRESQL_SETTINGS.items())
    more = url.query.get("options", "")
    options = f"{settings} {more if isinstance(more, str) else ' '.join(more)}".strip()
    return {
        **{name: value for name, value in _POSTGRESQL_CONNECT.items() if name not in url.query},
        "options": options,
    }


def _hide_values(context: ExceptionContext) -> None:
    """Take the server's words out of an error: they quote keys and values. What could not be reached is left as it is."""
    error = context.original_exception
    if context.connection is None or not isinstance(error, Exception):
        return
    error.args = (_without_values(error),)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = error.args


def _without_values(error: Exception) -> str:
    """Tell the class of a driver's error, its state, and the table and constraint that it is about."""
    state = getattr(error, "sqlstate", None)
    diagnosis = getattr(error, "diag", None)
    names = [getattr(diagnosis, name, None) for name in ("table_name", "column_name", "constraint_name")]
    parts = [type(error).__name__, state and f"SQLSTATE {state}", *names]
    return " ".join(part for part in parts if part)


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


def append_rows(
    conn: sa.Connection, table: sa.Table, names: tuple[str, ...], rows: Sequence[tuple[object, ...]]
) -> None:
    """Append rows, values of these columns in their order, by the quickest way that the driver has.

    On a row, SQLAlchemy's way to SQLite costs more than SQLite; PostgreSQL's COPY takes a third of its INSERT (ADR 0010).
    """
    if conn.dialect.name != POSTGRESQL:
        conn.exec_driver_sql(_append(table, names), list(rows))
        return
    types = [_COPY_TYPES[type(table.c[name].type)] for name in names]
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)"
    driver = cast("_CopyConnection", conn.connection.dbapi_connection)
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
    except conn.dialect.loaded_dbapi.Error as error:
        raise _copy_error(conn, statement, error) from None


def write_rows(
    conn: sa.Connection, insert: sqlite.Insert | postgresql.Insert, rows: Sequence[Mapping[str, object]]
) -> None:
    """Write rows by the INSERT of `insert_new` or `upsert`: all have the same columns, and no two the same key.

    PostgreSQL takes them as arrays, in one statement: that is a third of the work of as many statements. SQLite's driver is
    handed them as they are: SQLAlchemy's way takes twice as long.
    """
    names = tuple(rows[0])
    if conn.dialect.name == POSTGRESQL:
        conn.execute(_from_arrays(insert, names), {name: [row[name] for row in rows] for name in names})
    else:
        statement, order = _for_driver(insert, names)
        conn.exec_driver_sql(statement, [tuple(row[name] for name in order) for row in rows])


@cache
def _for_driver(insert: sqlite.Insert | postgresql.Insert, names: tuple[str, ...]) -> tuple[str, list[str]]:
    compiled = insert.compile(dialect=sqlite.dialect(paramstyle="qmark"), column_keys=list(names))
    return str(compiled), compiled.positiontup or []


@cache
def _from_arrays(insert: postgresql.Insert, names: tuple[str, ...]) -> postgresql.Insert:
    given = _arrays([cast("sa.Table", insert.table).c[name] for name in names])
    return insert.from_select(names, sa.select(given))


def _arrays(columns: Sequence[sa.Column[Any]]) -> sa.TableValuedAlias:
    """Give arrays, parameters with the names of these columns, as a table."""
    names = [column.name for column in columns]
    arrays = [sa.bindparam(column.name, type_=postgresql.ARRAY(column.type)) for column in columns]
    return sa.func.unnest(*arrays).table_valued(*names).render_derived()


def find_pairs(
    conn: sa.Connection, pair: tuple[sa.Column[str], sa.Column[str]], wanted: Iterable[tuple[str, str]]
) -> Iterator[sa.Row[*tuple[Any, ...]]]:
    """Give the rows of a table in which two columns, unique together, have wanted values; each is looked up in their index.

    Shape: left to itself SQLite reads the whole table for a list of pairs, and PostgreSQL, as long as it knows nothing of the
    values, all rows with the first one.
    """
    first, second = pair
    if conn.dialect.name == POSTGRESQL:
        firsts, seconds = zip(*wanted, strict=True)
        yield from conn.execute(
            _by_pair(first, second), {first.name: list(firsts), second.name: list(seconds)}
        )
        return
    values: dict[str, list[str]] = {}
    for one, other in wanted:
        values.setdefault(one, []).append(other)
    for one, others in values.items():
        yield from conn.execute(_by_second(first, second), {"one": one, "others": others})


@cache
def _by_pair(first: sa.Column[str], second: sa.Column[str]) -> sa.Select[Any]:
    given = _arrays([first, second])
    wanted = sa.and_(first == given.c[first.name], second == given.c[second.name])
    found = sa.select(first.table).where(wanted).limit(1).lateral()
    return sa.select(*found.c).select_from(given.join(found, sa.true()))


@cache
def _by_second(first: sa.Column[str], second: sa.Column[str]) -> sa.Select[Any]:
    return sa.select(first.table).where(first == sa.bindparam("one"), one_of(second, "others"))


def _copy_error(conn: sa.Connection, statement: str, error: Exception) -> Exception:
    """Give the error that SQLAlchemy would have made of a driver's, had the statement gone through it."""
    is_lost = conn.dialect.is_disconnect(
        cast("Any", error),  # the driver's own class, which SQLAlchemy knows as a protocol only
        conn.connection.dbapi_connection,
        None,
    )
    error.args = (_without_values(error),)
    if is_lost:
        conn.invalidate()
    base = conn.dialect.loaded_dbapi.Error
    return DBAPIError.instance(
        statement, None, error, base, hide_parameters=True, connection_invalidated=is_lost
    )


@cache
def _append(table: sa.Table, names: tuple[str, ...]) -> str:
    return str(sa.insert(table).compile(dialect=sqlite.dialect(paramstyle="qmark"), column_keys=list(names)))


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


def has_many_writers(conn: sa.Connection | sa.Engine) -> bool:
    """Tell whether others may write at the same time, so that patients are to be locked and rows made ahead."""
    return conn.dialect.name == POSTGRESQL


def commit_lazily(conn: sa.Connection) -> None:
    """Let this transaction's commit return before it is durable; a later one that is durable makes it so, too."""
    if conn.dialect.name == POSTGRESQL:
        conn.exec_driver_sql("SET LOCAL synchronous_commit = off")


class Words(sa.TypeDecorator[str]):
    """Text of any origin: PostgreSQL has no place for U+0000, so there it is written by two other characters, without loss.

    Shape: U+E000, of Unicode's private use, stands before a "0" for U+0000 and before a "1" for itself.
    """

    impl = sa.Text
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Any:  # noqa: ANN401 - SQLAlchemy's own type of it is private
        """Give what writes a value: nothing where it stays as it is."""
        return super().bind_processor(dialect) if dialect.name == POSTGRESQL else None

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:  # noqa: ANN401 - as above
        """Give what reads a value: nothing where it stays as it is."""
        return super().result_processor(dialect, coltype) if dialect.name == POSTGRESQL else None

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - see above
        """Write a value."""
        return value and value.replace("\ue000", "\ue0001").replace("\0", "\ue0000")

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - see above
        """Read a value."""
        return value and value.replace("\ue0000", "\0").replace("\ue0001", "\ue000")


_CONDITION: sa.types.TypeEngine[Any] = sa.types.NullType()
"""The type of a condition: SQLAlchemy would compare a Boolean with 1, and SQLite would read the whole table for that."""


class one_of(FunctionElement[bool]):  # noqa: N801 - reads as the function that it is to its users
    """The condition that a column's value is in a list handed over as a parameter.

    Statements are built once: building takes longer than running them. On PostgreSQL their text is the same whatever the
    length of the list, so that the server plans them once, too.
    """

    type = _CONDITION
    inherit_cache = True

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        """Compare a column with the parameter of this name."""
        super().__init__(column, sa.bindparam(name, type_=column.type))


@compiles(one_of, "sqlite")
def _in_sqlite(element: one_of, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - as the compiler calls it
    column, parameter = element.clauses
    listed = sa.bindparam(cast("sa.BindParameter[Any]", parameter).key, expanding=True, type_=column.type)
    return compiler.process(column.in_(listed), **options)


@compiles(one_of, POSTGRESQL)
def _in_postgresql(element: one_of, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - as above
    column, parameter = element.clauses
    name = cast("sa.BindParameter[Any]", parameter).key
    listed = sa.bindparam(name, type_=postgresql.ARRAY(column.type))
    return compiler.process(column == sa.any_(listed), **options)


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
    """Tell whether the same work may succeed later: the database is away, locked, full or changed underneath."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if error.connection_invalidated or state in _TEMPORARY_STATES:
        return True
    return isinstance(error, OperationalError) and state[:2] not in _LASTING_CLASSES


def is_about_data(error: Exception) -> bool:
    """Tell whether an error may come from what was read or written, so that other rows would pass.

    Shape: not where the database is away, and not where it lacks a table or a right (class 42 of PostgreSQL).
    """
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return not is_temporary(error) and state[:2] not in _FOREIGN_CLASSES
    return not isinstance(error, TemporaryError)


def has_transaction(conn: sa.Connection) -> bool:
    """Tell whether the transaction still stands: SQLite ends it by itself where the disk is full or fails."""
    if conn.invalidated or not conn.in_transaction():
        return False
    if conn.dialect.name != "sqlite":
        return True
    return cast("_DbapiConnection", conn.connection.dbapi_connection).in_transaction


def is_spoilt(conn: sa.Connection) -> bool:
    """Tell whether the transaction can only be taken back: after an error PostgreSQL refuses all that follows in it."""
    return not has_transaction(conn) or conn.dialect.name == POSTGRESQL
