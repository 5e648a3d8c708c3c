"""PostgreSQL dies at each moment of a unit of work: that is temporary, and the next unit finds a new connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
import sqlalchemy as sa

from tools.postgres_local import PostgresLocal
from worker.model.errors import TemporaryError
from worker.storage.database import Database
from worker.storage.dialect import open_database

pytestmark = [pytest.mark.integration, pytest.mark.slow]

INSERT = sa.text("INSERT INTO kept VALUES (1)")
COUNT = sa.text("SELECT count(*) FROM kept")
Unit = Callable[[], AbstractContextManager[sa.Connection]]


def _insert(conn: sa.Connection) -> None:
    conn.execute(INSERT)


def _count(conn: sa.Connection) -> int | None:
    return conn.scalar(COUNT)


def _work(unit: Unit, *steps: Callable[[sa.Connection], object]) -> None:
    with unit() as conn:
        for step in steps:
            step(conn)


@pytest.fixture
def database(own_postgres: PostgresLocal) -> Iterator[Database]:
    opened = Database(open_database(own_postgres.url()))
    with opened.unit() as conn:
        conn.execute(sa.text("CREATE TABLE kept (number int)"))
    yield opened
    opened.close()


def _count_after_restart(database: Database, server: PostgresLocal) -> int:
    server.restart()
    with database.reading() as conn:
        return conn.scalar(COUNT)


def test_after_the_last_read_nothing_is_missing(database: Database, own_postgres: PostgresLocal) -> None:
    _work(database.reading, _count, lambda _: own_postgres.kill())
    assert _count_after_restart(database, own_postgres) == 0


def test_between_two_reads(database: Database, own_postgres: PostgresLocal) -> None:
    with pytest.raises(TemporaryError):
        _work(database.reading, _count, lambda _: own_postgres.kill(), _count)
    assert _count_after_restart(database, own_postgres) == 0


def test_between_two_statements_of_a_unit(database: Database, own_postgres: PostgresLocal) -> None:
    with pytest.raises(TemporaryError):
        _work(database.unit, _insert, lambda _: own_postgres.kill(), _insert)
    assert _count_after_restart(database, own_postgres) == 0


def test_before_a_unit_is_taken_back(database: Database, own_postgres: PostgresLocal) -> None:
    with pytest.raises(ZeroDivisionError):
        _work(database.unit, _insert, lambda _: own_postgres.kill(), lambda _: 1 // 0)
    assert _count_after_restart(database, own_postgres) == 0


def test_before_the_commit(database: Database, own_postgres: PostgresLocal) -> None:
    with pytest.raises(TemporaryError):
        _work(database.unit, _insert, lambda _: own_postgres.kill())
    assert _count_after_restart(database, own_postgres) == 0


def test_before_the_first_statement(database: Database, own_postgres: PostgresLocal) -> None:
    own_postgres.kill()
    for _ in range(2):
        with pytest.raises(TemporaryError):
            _work(database.reading, _count)
    assert _count_after_restart(database, own_postgres) == 0
