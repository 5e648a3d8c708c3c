"""A process that dies at any statement loses nothing and sends nothing twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import sqlalchemy as sa

from worker.model.message import RawMessage
from worker.runtime.clock import MessageClock
from worker.runtime.engine import Engine, Options
from worker.runtime.inlet import JournalInlet, Room
from worker.sinks.stream import NdjsonSink
from worker.storage.intake import SqlJournal
from worker.storage.migrate import upgrade
from worker.storage.state import SqlState

Script = Facts = Any  # the classes of conftest.py, which cannot be imported by name
At = Callable[[float], int]


class Died(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def messages(script: Script, facts: Facts, at: At) -> list[RawMessage]:
    return [
        script.message(at(0), facts.temp(39, 0, patient="1")),
        script.message(at(1), facts.lp(patient="1"), facts.temp(38.5, 1, key="t", patient="1")),
        script.message(at(1), facts.lp(patient="2")),
        script.message(at(2), facts.temp(36, 1, key="t", version=2, patient="1")),
        script.message(at(3), facts.temp(39, 3, patient="2")),
    ]


class Node:
    """A data folder, and processes that work on it one after the other."""

    def __init__(self, folder: Path, script: Script, commit_every: int) -> None:
        self.folder = folder
        self.script = script
        self.commit_every = commit_every

    def run(self, dies_at: int | None = None) -> int:
        """Work until nothing is left or the process dies; give how many statements it ran."""
        journal = SqlJournal(f"sqlite:///{self.folder / 'intake.db'}", synchronous="OFF")
        state = SqlState(
            f"sqlite:///{self.folder / 'state.db'}", synchronous="OFF", commit_every=self.commit_every
        )
        sink = NdjsonSink(self.folder / "notices.ndjson")
        ran = 0

        def count(*_arguments: object) -> None:
            nonlocal ran
            ran += 1
            if ran == dies_at:
                raise Died

        engine = Engine(
            [JournalInlet(journal)],
            state,
            self.script,
            MessageClock(),
            sinks=[sink],
            options=Options(Room(3)),
        )
        for name in ("before_cursor_execute", "commit"):
            sa.event.listen(state._db._engine, name, count)
        try:
            engine.drain()
        except Died:
            state._db._conn.invalidate()  # the connection goes as it is: nothing is committed on the way out
        finally:
            sink.close()
            journal.close()
            state._db._engine.dispose()
        return ran

    def outcome(self) -> tuple[object, ...]:
        state = SqlState(f"sqlite:///{self.folder / 'state.db'}")
        alerts = sorted(
            (record.alert.rule, record.patients, record.alert.state, [line.state for line in record.history])
            for record in state.alerts()
        )
        found = (alerts, state.counts(), state.episodes(), state.next_due_ms())
        state.close()
        return found

    def sent(self) -> list[tuple[str, str, int]]:
        lines = [json.loads(line) for line in (self.folder / "notices.ndjson").read_bytes().splitlines()]
        return [(line["id"], line["alert_id"], line["version"]) for line in lines]


@pytest.fixture
def prepared(messages: list[RawMessage], tmp_path: Path) -> Path:
    """Give a data folder with all messages received and none ingested."""
    folder = tmp_path / "prepared"
    folder.mkdir()
    upgrade(f"sqlite:///{folder / 'intake.db'}", "intake")
    upgrade(f"sqlite:///{folder / 'state.db'}", "state")
    journal = SqlJournal(f"sqlite:///{folder / 'intake.db'}", synchronous="OFF")
    journal.append(messages)
    journal.close()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("commit_every", [1, 4])
def test_a_death_at_any_statement_changes_nothing_in_the_end(
    script: Script, prepared: Path, tmp_path: Path, commit_every: int
) -> None:
    calm = Node(copytree(prepared, tmp_path / "calm"), script, commit_every)
    statements = calm.run()
    assert statements > 60
    for dies_at in range(commit_every, statements + 1, 7):
        node = Node(copytree(prepared, tmp_path / f"{dies_at}"), script, commit_every)
        node.run(dies_at)
        node.run(dies_at * 2)
        node.run()
        assert node.outcome() == calm.outcome(), f"after a death at statement {dies_at}"
        sent = node.sent()
        assert len({notice for notice, _, _ in sent}) == len(sent), f"a notice twice, dead at {dies_at}"
        assert sorted(version for _, _, version in sent) == sorted(version for _, _, version in calm.sent())
        for alert in {alert for _, alert, _ in sent}:
            versions = [version for _, of, version in sent if of == alert]
            assert versions == sorted(versions)
