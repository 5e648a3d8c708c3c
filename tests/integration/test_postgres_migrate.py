"""Migrations on PostgreSQL: the tables, the days of recent facts, and several processes at once."""

from __future__ import annotations

import threading
import uuid

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from tests.contract.upgrades import check_that_quarantine_is_carried_over
from worker.model.errors import ConfigError, TemporaryError
from worker.storage import schema
from worker.storage.dialect import open_database
from worker.storage.migrate import is_current, upgrade, version_table


def test_the_migrated_schema_is_that_of_the_tables(state_url: str) -> None:
    engine = open_database(state_url)
    with engine.connect() as conn:
        assert is_current(conn, "state")
        context = MigrationContext.configure(
            conn, opts={"version_table": version_table("state"), "compare_server_default": True}
        )
        assert compare_metadata(context, schema.state) == []
        kind = conn.scalar(sa.text("SELECT relkind FROM pg_class WHERE relname = 'recent_fact'"))
    engine.dispose()
    assert kind == "p", "a table for each day"


def test_what_was_set_aside_before_there_were_digests_is_carried_over(postgres_url: str) -> None:
    check_that_quarantine_is_carried_over(postgres_url)


def test_processes_that_migrate_at_once_wait_for_each_other(postgres_url: str) -> None:
    errors: list[Exception] = []

    def migrate() -> None:
        try:
            upgrade(postgres_url, "state")
        except Exception as error:  # noqa: BLE001 - told below
            errors.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    engine = open_database(postgres_url)
    with engine.connect() as conn:
        assert is_current(conn, "state")
    engine.dispose()


def test_a_database_that_cannot_hold_every_character_is_refused(postgres_server: str) -> None:
    engine = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    name = f"lpwatch_latin_{uuid.uuid4().hex[:12]}"
    with engine.connect() as conn:
        conn.exec_driver_sql(
            f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        with pytest.raises(ConfigError, match=r"LATIN1.*UTF8"):
            upgrade(f"{postgres_server.rpartition('/')[0]}/{name}", "state")
        conn.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


def test_a_server_that_is_away_is_away_for_now() -> None:
    with pytest.raises(TemporaryError):
        upgrade("postgresql+psycopg://nobody@127.0.0.1:1/absent", "state")


@pytest.mark.parametrize("url", ["nonsense", "mysql://user:geheim@host/db", "postgres://u:geheim@h/d"])
def test_a_url_that_names_no_known_database_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match=r"postgresql\+psycopg://USER@HOST:PORT/DATABASE") as caught:
        open_database(url)
    assert "geheim" not in str(caught.value)
