"""`lpwatch db` and `why` on a PostgreSQL database."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaProducer
from sqlalchemy import create_engine, make_url, text

from worker.cli.main import main
from worker.storage.records import Position
from worker.storage.state import SqlState


def lpwatch(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_migrated_database_is_up_to_date_and_stays_so(postgres_url: str) -> None:
    for _ in range(2):
        result = lpwatch("db", "migrate", "--database", postgres_url)
        assert result.exit_code == 0, result.output
        assert "up to date" in result.stderr
    assert lpwatch("db", "positions", "--database", postgres_url, "--json").stdout == "{}\n"


def test_database_can_stand_in_the_settings_with_its_password_in_a_file(
    tmp_path: Path, postgres_url: str
) -> None:
    (tmp_path / "password").write_text("unused where the server trusts\n", encoding="utf-8")
    config = tmp_path / "lpwatch.yaml"
    config.write_text(
        f"database: {postgres_url}\ndatabase_password_file: {tmp_path / 'password'}\n", encoding="utf-8"
    )
    assert lpwatch("db", "migrate", "--config", str(config)).exit_code == 0


def test_commands_ask_for_a_migration_where_there_is_none(postgres_url: str) -> None:
    result = lpwatch("db", "positions", "--database", postgres_url)
    assert result.exit_code == 3
    assert "run: lpwatch db migrate --database URL" in result.stderr


def test_database_of_a_newer_release_is_left_alone(state_url: str) -> None:
    engine = create_engine(state_url)
    with engine.begin() as conn:
        conn.execute(text("UPDATE state_revision SET version_num = 'newer'"))
    engine.dispose()
    result = lpwatch("db", "migrate", "--database", state_url)
    assert result.exit_code == 3
    assert "of another release" in result.stderr


def test_position_is_moved_to_an_offset_or_an_end_of_the_log(
    tmp_path: Path, state_url: str, kafka: str, new_topic: Callable[..., str]
) -> None:
    topic = new_topic()
    producer = KafkaProducer(bootstrap_servers=kafka)
    for _ in range(3):
        producer.send(topic, b"x").get(30)
    producer.close()
    config = tmp_path / "lpwatch.yaml"
    config.write_text(f"database: {state_url}\nkafka_bootstrap_servers: {kafka}\n", encoding="utf-8")
    part, reached = f"kafka:{topic}:0", []
    for to in ("2", "end", "beginning"):
        result = lpwatch("db", "move-position", part, to, "--config", str(config))
        assert result.exit_code == 0, result.output
        reached.append(_next(state_url, part))
    assert reached == [2, 3, 0]
    listed = json.loads(lpwatch("db", "positions", "--config", str(config), "--json").stdout)
    assert listed[part]["next"] == 0


@pytest.mark.parametrize(
    ("part", "to", "said"),
    [
        ("journal", "5", "no such part"),
        ("kafka:absent:0", "end", "there is no such topic"),
        ("kafka:absent:0", "middle", "an offset, beginning or end"),
        ("kafka:absent:0", "5", "there is no such topic"),
    ],
)
def test_position_that_makes_no_sense_is_refused(
    tmp_path: Path, state_url: str, kafka: str, part: str, to: str, said: str
) -> None:
    config = tmp_path / "lpwatch.yaml"
    config.write_text(f"database: {state_url}\nkafka_bootstrap_servers: {kafka}\n", encoding="utf-8")
    result = lpwatch("db", "move-position", part, to, "--config", str(config))
    assert result.exit_code in {2, 3}
    assert said in result.stderr


def test_position_that_its_log_does_not_hold_is_refused(
    tmp_path: Path, state_url: str, kafka: str, new_topic: Callable[..., str]
) -> None:
    config = tmp_path / "lpwatch.yaml"
    config.write_text(f"database: {state_url}\nkafka_bootstrap_servers: {kafka}\n", encoding="utf-8")
    result = lpwatch("db", "move-position", f"kafka:{new_topic()}:0", "99999", "--config", str(config))
    assert result.exit_code == 2
    assert "its log holds 0 to 0" in result.stderr
    assert lpwatch("db", "positions", "--config", str(config), "--json").stdout == "{}\n"


@pytest.mark.parametrize(
    ("brokers", "said"),
    [("", "no brokers are named"), ("kafka_bootstrap_servers: 127.0.0.1:1\n", "127.0.0.1:1")],
)
def test_position_that_nobody_can_check_is_moved_and_that_is_said(
    tmp_path: Path, state_url: str, brokers: str, said: str
) -> None:
    config = tmp_path / "lpwatch.yaml"
    config.write_text(f"database: {state_url}\n{brokers}", encoding="utf-8")
    with closing(SqlState(state_url)) as state:
        state.move_position("kafka:adt:0", 3, "first")
        result = lpwatch("db", "move-position", "kafka:adt:0", "7", "--config", str(config))
        assert result.exit_code == 0, result.output
        assert "not checked whether the log holds offset 7: " in result.stderr
        assert said in result.stderr
        assert state.position("kafka:adt:0") == Position(7), "it counts in the log that a worker meets next"


def test_why_reads_a_database(state_url: str) -> None:
    result = lpwatch("why", "4711", "--at", "2026-01-06T14:00:00Z", "--database", state_url)
    assert result.exit_code == 1
    assert "no message named this patient" in result.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"port": 1}, "nobody listens on this port"),
        ({"database": "absent"}, "the server has no such database"),
        ({"username": "nobody_at_all"}, "the server knows no such user"),
        ({"drivername": "mysql"}, "must be PostgreSQL"),
    ],
)
def test_database_that_cannot_be_used_is_told_in_plain_words(
    state_url: str, change: dict[str, object], said: str
) -> None:
    url = make_url(state_url).set(**change).render_as_string(hide_password=False)
    result = lpwatch("db", "positions", "--database", url)
    assert result.exit_code in {1, 3}
    assert said in result.stderr


def _next(url: str, part: str) -> int:
    state = SqlState(url)
    try:
        return state.position(part).next
    finally:
        state.close()
