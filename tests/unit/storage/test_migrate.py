from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from worker.storage import schema
from worker.storage.dialect import open_database
from worker.storage.migrate import Name, is_current, upgrade, version_table


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


def _statements(conn: sa.Connection) -> dict[str, str]:
    rows = conn.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        row.name: " ".join(row.sql.split())
        for row in rows
        if not row.name.startswith("sqlite_") and not row.name.endswith("_revision")
    }
