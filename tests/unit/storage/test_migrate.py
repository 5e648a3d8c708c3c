from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from tests.contract.upgrades import check_that_quarantine_is_carried_over, upgrade_to
from worker.model.alert import Notice
from worker.model.fact import Identifier
from worker.storage import schema
from worker.storage.dialect import open_database
from worker.storage.migrate import Name, is_current, upgrade, version_table
from worker.storage.records import Batch, PendingNotice, Position
from worker.storage.state import SqlState


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'some.db'}"


@pytest.mark.parametrize("name", ["intake", "state"])
def test_the_migrated_schema_is_that_of_the_tables(name: Name, url: str) -> None:
    upgrade(url, name)
    engine = open_database(url)
    with engine.connect() as conn:
        context = MigrationContext.configure(
            conn, opts={"version_table": version_table(name), "compare_server_default": True}
        )
        assert compare_metadata(context, getattr(schema, name)) == []
        migrated = _statements(conn)
    engine.dispose()
    fresh = sa.create_engine("sqlite://")
    getattr(schema, name).create_all(fresh)
    with fresh.connect() as conn:
        assert _statements(conn) == migrated, (
            "options of a table, too: rows without a rowid, numbers never reused"
        )
    fresh.dispose()


@pytest.mark.parametrize("name", ["intake", "state"])
def test_an_upgrade_can_be_repeated(name: Name, url: str) -> None:
    engine = open_database(url)
    with engine.connect() as conn:
        assert not is_current(conn, name)
    upgrade(url, name)
    upgrade(url, name)
    with engine.connect() as conn:
        assert is_current(conn, name)
    engine.dispose()


def test_both_databases_fit_into_one(url: str) -> None:
    upgrade(url, "intake")
    upgrade(url, "state")
    engine = open_database(url)
    with engine.connect() as conn:
        assert is_current(conn, "intake")
        assert is_current(conn, "state")
    engine.dispose()


def test_what_an_older_release_stored_is_carried_over(url: str) -> None:
    upgrade_to("state_0001", url)
    engine = open_database(url)
    with engine.begin() as conn:
        for statement in (
            "INSERT INTO position VALUES ('journal', 17, 1000)",
            "INSERT INTO identifier VALUES (1, 'ward', '1', 'MR'), (2, 'nation', '9', 'NI')",
            "INSERT INTO identity_link VALUES (1, 2, 900, 'merge')",
            "INSERT INTO feed_state VALUES ('ward', 1000)",
            "INSERT INTO outbox VALUES ('a.1', 'ndjson', 'a', 1, 800, 1, 0, 800, x'7b7d')",
            "INSERT INTO outbox VALUES ('a.2', 'ndjson', 'a', 2, 900, 0, 3, 950, x'7b7d')",
        ):
            conn.exec_driver_sql(statement)
    engine.dispose()
    upgrade(url, "state")
    store = SqlState(url)
    assert store.positions() == {"journal": Position(17, 1_000)}
    assert store.case(1).patients == (Identifier("ward", "1", "MR"), Identifier("nation", "9", "NI"))
    assert store.feeds() == {"ward": 1_000}
    assert store.pending("ndjson", 1_000, 9) == (
        PendingNotice(Notice("a.2", "a", 2, b"{}"), 3, "", "alert", 900),
    )
    assert store.record(Batch("journal", 17, 18, 1_001, feeds={"ward": 1_001}))
    assert store.feeds() == {"ward": 1_001}
    store.close()


def test_what_was_set_aside_before_there_were_digests_is_carried_over(url: str) -> None:
    check_that_quarantine_is_carried_over(url)


def _statements(conn: sa.Connection) -> dict[str, str]:
    rows = conn.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        row.name: " ".join(row.sql.split())
        for row in rows
        if not row.name.startswith("sqlite_") and not row.name.endswith("_revision")
    }
