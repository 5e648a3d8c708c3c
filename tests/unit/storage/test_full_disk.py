"""A database that is full, and then is not: what failed is taken back whole, and the same work succeeds later."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from worker.model.errors import TemporaryError
from worker.storage.database import Database
from worker.storage.dialect import open_database
from worker.storage.migrate import upgrade
from worker.storage.records import Batch, CountKey
from worker.storage.state import SqlState

_PAGE = 4096
_ROOMY = 100_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(url, "state")
    return url


@pytest.fixture(params=[1, 4])
def database(url: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    opened = Database(open_database(url), commit_every=request.param)
    yield opened
    opened.close()


def limit(database: Database, spare_pages: int) -> None:
    """Let the file grow by so many pages and no more."""
    database.commit()
    with database.reading() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages + spare_pages}")


def put(database: Database, key: str, size: int = 10) -> None:
    with database.unit() as conn:
        conn.execute(sa.text("INSERT INTO meta VALUES (:key, :value)"), {"key": key, "value": "x" * size})


def stored(url: str) -> set[str]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    rows = connection.execute("SELECT key FROM meta").fetchall()
    connection.close()
    return {key for (key,) in rows}


def fill(database: Database) -> list[str]:
    """Write until it is full; give what was written."""
    done = []
    for number in range(100):
        try:
            put(database, f"f{number}", _PAGE)
        except TemporaryError:
            return done
        done.append(f"f{number}")
    pytest.fail("never full")


def test_a_full_database_is_away_until_there_is_space(database: Database, url: str) -> None:
    undone: list[bool] = []
    database.on_undo = lambda: undone.append(True)
    limit(database, 6)
    fill(database)
    assert undone
    for _ in range(3):
        with pytest.raises(TemporaryError):
            put(database, "large", 50 * _PAGE)
    with database.reading() as conn:
        conn.execute(sa.text("SELECT count(*) FROM meta")).scalar_one()
    limit(database, _ROOMY)
    put(database, "large", 50 * _PAGE)
    database.commit()
    assert "large" in stored(url)


def test_what_was_committed_before_it_was_full_stays(url: str) -> None:
    database = Database(open_database(url))
    limit(database, 6)
    done = fill(database)
    assert done
    assert stored(url) == set(done)
    limit(database, _ROOMY)
    put(database, "large", 50 * _PAGE)
    database.close()
    assert stored(url) == {*done, "large"}


class _Failing:
    """Let a number of commits fail, as SQLite does where the log cannot grow: with its own rollback, or without."""

    def __init__(self, database: Database, *, is_rolled_back: bool) -> None:
        self.left = 1
        self._is_rolled_back = is_rolled_back
        sa.event.listen(database._engine, "commit", self._fail)

    def _fail(self, conn: sa.Connection) -> None:
        if self.left:
            self.left -= 1
            if self._is_rolled_back:
                conn.connection.rollback()
            conn.exec_driver_sql("SELECT * FROM no_such_table")


@pytest.mark.parametrize("is_rolled_back", [True, False])
def test_a_commit_that_fails_is_taken_back_and_can_be_done_again(
    database: Database, url: str, *, is_rolled_back: bool
) -> None:
    undone: list[bool] = []
    database.on_undo = lambda: undone.append(True)
    put(database, "committed")
    database.commit()
    failing = _Failing(database, is_rolled_back=is_rolled_back)
    with pytest.raises(TemporaryError):  # noqa: PT012  whichever commits: the unit itself, or the shared commit
        put(database, "b")
        database.commit()
    assert undone
    assert failing.left == 0
    with database.reading() as conn:
        assert conn.execute(sa.text("SELECT count(*) FROM meta")).scalar_one() == 1
    put(database, "b")
    database.commit()
    assert stored(url) == {"committed", "b"}


@pytest.mark.parametrize("commit_every", [1, 4])
def test_a_transaction_that_sqlite_ended_by_itself_is_begun_anew(url: str, commit_every: int) -> None:
    database = Database(open_database(url), commit_every=commit_every)
    put(database, "a")

    def ended_unit() -> None:
        with database.unit() as conn:
            conn.execute(sa.text("INSERT INTO meta VALUES ('b', '')"))
            conn.connection.rollback()
            conn.exec_driver_sql("SELECT * FROM no_such_table")

    with pytest.raises(TemporaryError):
        ended_unit()
    put(database, "c")
    database.commit()
    put(database, "d")
    database.close()
    assert stored(url) == ({"a", "c", "d"} if commit_every == 1 else {"c", "d"})


def test_a_state_goes_on_once_there_is_space(url: str) -> None:
    store = SqlState(url)
    limit(store._db, 4)
    key = CountKey("processed", "feed", "x" * 50 * _PAGE)
    batch = Batch("journal", 0, 1, 0, counts={key: 1})
    for _ in range(2):
        with pytest.raises(TemporaryError):
            store.record(batch)
        assert store.position("journal").next == 0
    limit(store._db, _ROOMY)
    assert store.record(batch)
    assert store.counts() == {key: 1}
    store.close()
