from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from worker.model.errors import TemporaryError
from worker.model.message import Form, RawMessage
from worker.storage.database import Database
from worker.storage.dialect import open_database
from worker.storage.intake import SqlJournal
from worker.storage.migrate import upgrade
from worker.storage.records import Batch, CountKey
from worker.storage.state import SqlState


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(url, "state")
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(open_database(url), commit_every=3)
    yield opened
    opened.close()


def seen_by_others(url: str) -> int:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    (count,) = connection.execute("SELECT count(*) FROM meta").fetchone()
    connection.close()
    return int(count)


def put(database: Database, *keys: str) -> None:
    with database.unit() as conn:
        for key in keys:
            conn.execute(sa.text("INSERT INTO meta VALUES (:key, '')"), {"key": key})


def test_units_share_a_commit(database: Database, url: str) -> None:
    counts = []
    for key in "abcd":
        put(database, key)
        counts.append(seen_by_others(url))
    assert counts == [0, 0, 3, 3]
    database.commit()
    assert seen_by_others(url) == 4


def test_a_failed_unit_leaves_those_before_it(database: Database, url: str) -> None:
    put(database, "a")
    with pytest.raises(sa.exc.IntegrityError):
        put(database, "b", "a")
    put(database, "c")
    database.commit()
    assert seen_by_others(url) == 2


def test_a_database_that_is_locked_is_away_for_now(url: str) -> None:
    engine = open_database(url)
    sa.event.listen(
        engine, "connect", lambda connection, _record: connection.execute("PRAGMA busy_timeout=1")
    )
    database = Database(engine)
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TemporaryError):
        put(database, "a")
    other.execute("ROLLBACK")
    put(database, "a")
    other.close()
    database.close()
    assert seen_by_others(url) == 1


def test_a_state_read_before_somebody_else_wrote_refuses_to_be_written(url: str) -> None:
    database = Database(open_database(url))
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)

    def disturbed_unit() -> None:
        with database.unit() as conn:
            conn.execute(sa.text("SELECT * FROM meta")).all()
            other.execute("INSERT INTO meta VALUES ('other', '')")
            conn.execute(sa.text("INSERT INTO meta VALUES ('mine', '')"))

    with pytest.raises(TemporaryError):
        disturbed_unit()
    other.close()
    database.close()
    assert seen_by_others(url) == 1


def test_numbers_given_in_a_unit_taken_back_are_not_remembered(url: str) -> None:
    store = SqlState(url)
    key = CountKey("processed", "feed", "x" * 3)
    poison = Batch("journal", 0, 1, 0, counts={key: 2**80})
    with pytest.raises(OverflowError):
        store.record(poison)
    assert store.record(Batch("journal", 0, 1, 0, counts={key: 1}))
    assert store.counts() == {key: 1}
    store.close()


def test_the_journal_gives_messages_back_from_an_offset_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'intake.db'}"
    upgrade(url, "intake")
    messages = [
        RawMessage(bytes([0, number, 255]), Form.FHIR, "http", number, "x" * number) for number in range(3)
    ]
    journal = SqlJournal(url)
    journal.append([])
    journal.append(messages)
    assert journal.read(0, 10) == tuple(enumerate(messages, start=1))
    assert [offset for offset, _ in journal.read(2, 1)] == [2]
    journal.trim(3, 1)
    assert [offset for offset, _ in journal.read(0, 9)] == [2, 3]
    journal.trim(9, 9)
    journal.append(messages[:1])
    assert [offset for offset, _ in journal.read(0, 9)] == [4], "an offset is never given again"
    journal.close()
