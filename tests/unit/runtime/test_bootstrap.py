"""Building the worker from settings."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from worker.model.errors import ConfigError, PackError
from worker.model.message import Form, RawMessage
from worker.runtime.bootstrap import build, locked, migrate, read_state, temporary_state
from worker.runtime.metrics import Metrics
from worker.runtime.offline import load_pack
from worker.runtime.settings import load_settings
from worker.storage.intake import SqlJournal


def test_folder_is_made_and_kept_for_one_worker(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with locked(data):
        assert data.is_dir()
        with pytest.raises(ConfigError, match="another worker"), locked(data):
            pass
    with locked(data):
        pass


def test_folder_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot be written"), locked(tmp_path / "file" / "data"):
        pass


def test_state_of_a_folder_without_one_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"state\.db"):
        read_state(tmp_path)


@pytest.mark.parametrize("name", ["intake.db", "state.db"])
def test_damaged_database_is_a_configuration_error(tmp_path: Path, name: str) -> None:
    migrate(tmp_path)
    (tmp_path / name).write_bytes(b"this is no database " * 500)
    with pytest.raises(ConfigError, match=name):
        migrate(tmp_path)


def test_database_of_a_newer_release_is_a_configuration_error(tmp_path: Path) -> None:
    migrate(tmp_path)
    with closing(sqlite3.connect(tmp_path / "state.db")) as conn:
        conn.execute("UPDATE state_revision SET version_num = 'newer'")
        conn.commit()
    with pytest.raises(ConfigError, match="another release"):
        migrate(tmp_path)


def test_temporary_state_is_the_same_each_time_it_is_opened(tmp_path: Path) -> None:
    opening = temporary_state(tmp_path)
    first = opening()
    assert first.use_pack("digest", 0)
    first.close()
    second = opening()
    assert not second.use_pack("digest", 0)
    second.close()


def test_broken_site_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "bad.yaml").write_text("id: bad\nfoo: 1\n", encoding="utf-8")
    with pytest.raises(PackError, match=r"rules/bad\.yaml"):
        load_pack([tmp_path])


def test_built_worker_takes_a_message_from_its_journal_to_its_end(tmp_path: Path) -> None:
    settings = load_settings({"data": tmp_path, "mllp": "127.0.0.1:0", "clock": "messages"})
    migrate(tmp_path)
    metrics = Metrics()
    parts = build(settings, metrics)
    parts.reception._commit._intake.append([RawMessage(b"PID|1", Form.HL7V2, "mllp:1", 5)])
    assert parts.engine.drain() == 1
    parts.close()
    text = metrics.render().decode()
    assert 'lpwatch_messages_received_total{transport="mllp:1"} 1.0' in text
    assert 'outcome="dead_lettered"' in text
    state = read_state(tmp_path)
    assert [item.kind for item in state.quarantined()] == ["message"]
    state.close()


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["ndjson"]),
        ({"stdout": True}, ["stdout"]),
        ({"out": "notices.ndjson"}, ["ndjson"]),
        ({"out": "notices.ndjson", "stdout": True}, ["stdout", "ndjson"]),
    ],
)
def test_notices_always_have_an_outlet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, object], names: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    migrate(tmp_path)
    settings = load_settings({"data": tmp_path, "mllp": "127.0.0.1:0", **given})
    parts = build(settings, Metrics())
    assert [sink.name for sink in parts.engine._delivery._sinks] == names
    parts.close()


def test_file_that_cannot_take_notices_is_refused_at_the_start(tmp_path: Path) -> None:
    migrate(tmp_path)
    settings = load_settings({"data": tmp_path, "out": str(tmp_path / "absent" / "notices.ndjson")})
    with pytest.raises(ConfigError, match="notices cannot be written"):
        build(settings, Metrics())


def test_messages_of_a_journal_that_was_deleted_are_still_read(tmp_path: Path) -> None:
    for round_ in (1, 2):
        migrate(tmp_path)
        parts = build(load_settings({"data": tmp_path}), Metrics())
        journal = SqlJournal(f"sqlite:///{tmp_path / 'intake.db'}")
        journal.append([RawMessage(b"nothing readable", Form.HL7V2, "mllp:1", round_)] * 3)
        assert parts.engine.drain() == 3
        journal.close()
        parts.close()
        (tmp_path / "intake.db").unlink()
    with closing(read_state(tmp_path)) as state:
        assert sum(count for key, count in state.counts().items() if key.stage == "dead_lettered") == 6
