"""The days of `recent_fact`: on PostgreSQL each is a table of its own, made ahead and dropped as a whole."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from worker.storage.dialect import has_many_writers
from worker.storage.locks import Chore, await_chore, try_chore
from worker.storage.schema import recent_fact

_PREFIX = f"{recent_fact.name}_d"
_TABLES = sa.text(
    "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = CAST(:parent AS regclass)"
)
_DROP_WITHIN = "300ms"
_MOST_IN_A_TRANSACTION = 50


def add(conn: sa.Connection, days: Collection[int]) -> set[int]:
    """Make the tables of these days where they are missing, and of the day after them; give all days that have one then.

    Shape: no more than 50 are made in one transaction. A table is made beside its parent and then attached, which never
    stands in the way of readers and writers.
    """
    await_chore(conn, Chore.ADD_DAYS)
    there = stored(conn)
    new = sorted({*days, max(days) + 1} - there)[:_MOST_IN_A_TRANSACTION]
    for day in new:
        table = _name(day)
        conn.exec_driver_sql(
            f"CREATE TABLE {table} (LIKE {recent_fact.name} INCLUDING DEFAULTS INCLUDING INDEXES)"
        )
        conn.exec_driver_sql(
            f"ALTER TABLE {recent_fact.name} ATTACH PARTITION {table} FOR VALUES FROM ({day}) TO ({day + 1})"
        )
    return there.union(new)


def stored(conn: sa.Connection) -> set[int]:
    """Give the days that have a table."""
    names = conn.scalars(_TABLES, {"parent": recent_fact.name})
    return {int(name.removeprefix(_PREFIX).replace("m", "-")) for name in names}


def drop(conn: sa.Connection, before: int) -> None:
    """Drop the facts of all days before this one.

    Raises: a temporary error of the database where somebody reads them for long: nobody is kept waiting for us.
    """
    if not has_many_writers(conn):
        conn.execute(sa.delete(recent_fact).where(recent_fact.c.receipt_day < before))
        return
    if not try_chore(conn, Chore.DROP_DAYS):
        return
    conn.exec_driver_sql(f"SET LOCAL lock_timeout = '{_DROP_WITHIN}'")
    for day in sorted(stored(conn))[:_MOST_IN_A_TRANSACTION]:
        if day < before:
            conn.exec_driver_sql(f"DROP TABLE {_name(day)}")


def _name(day: int) -> str:
    return f"{_PREFIX}{day}".replace("-", "m")
