from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from worker.model.alert import AlertState
from worker.model.errors import TemporaryError
from worker.model.message import Form, RawMessage
from worker.model.time import DAY_MS, HOUR_MS, MINUTE_MS
from worker.runtime.cleaning import Cleaning, Retention
from worker.runtime.clock import FixedClock, MessageClock
from worker.runtime.engine import Engine, Options
from worker.runtime.inlet import JournalInlet, Room
from worker.runtime.progress import Progress
from worker.storage.intake import SqlJournal
from worker.storage.memory import MemoryState
from worker.storage.memory_journal import MemoryJournal
from worker.storage.migrate import upgrade

Script = Facts = Any  # the classes of conftest.py, which cannot be imported by name
At = Callable[[float], int]
Journal = SqlJournal | MemoryJournal


def progress() -> Progress:
    return Progress(MemoryState(), lambda _raw: pytest.fail("nothing is read"))


def large(size: int) -> RawMessage:
    return RawMessage(b"x" * size, Form.HL7V2, "test", 0)


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    if request.param == "memory":
        return MemoryJournal()
    upgrade(f"sqlite:///{tmp_path / 'intake.db'}", "intake")
    return SqlJournal(f"sqlite:///{tmp_path / 'intake.db'}", synchronous="OFF")


def test_a_parcel_of_large_messages_is_bounded_by_their_bytes(journal: Journal) -> None:
    journal.append([large(400)] * 10)
    (parcel,) = JournalInlet(journal).read(progress(), Room(100, 1_000), 1)
    assert len(parcel.entries) == 3
    assert not parcel.is_last


def test_a_message_larger_than_all_room_is_read_alone(journal: Journal) -> None:
    journal.append([large(5_000), large(1)])
    (parcel,) = JournalInlet(journal).read(progress(), Room(100, 1_000), 1)
    assert [len(raw.body) for _, raw in parcel.entries] == [5_000]


def test_a_journal_is_caught_up_only_as_of_a_reading_that_found_its_end(journal: Journal) -> None:
    inlet, standing = JournalInlet(journal), progress()
    inlet.read(standing, Room(2, 1_000), 7)
    assert inlet.caught_up(standing) == {"journal": 7}
    journal.append([large(1), large(1)])
    inlet.read(standing, Room(2, 1_000), 8)
    assert inlet.caught_up(standing) == {"journal": 0}


def test_hundreds_of_the_largest_messages_are_many_small_steps(script: Script, at: At) -> None:
    messages = [script.message(at(0)) for _ in range(6)]
    engine = Engine(
        [JournalInlet(MemoryJournal(messages))],
        MemoryState(),
        script,
        FixedClock(at(1)),
        options=Options(Room(500, 2)),
    )
    assert [engine.step().ingested for _ in range(4)] == [2, 2, 2, 0]


def test_parts_are_ingested_each_from_its_own_position(script: Script, facts: Facts, at: At) -> None:
    store = MemoryState()
    lp = MemoryJournal([script.message(at(1), facts.lp())])
    fever = MemoryJournal([script.message(at(3), facts.temp(39, 2)) for _ in range(3)])
    engine = Engine(
        [JournalInlet(fever, "a"), JournalInlet(lp, "b")],
        store,
        script,
        MessageClock(),
        options=Options(is_exact=False),
    )
    assert engine.drain() == 4
    assert (store.position("a").next, store.position("b").next) == (4, 2)
    (record,) = store.alerts()
    assert record.history[0].at_ms == at(3)


def test_a_gap_is_judged_only_when_every_part_is_consumed(script: Script, facts: Facts, at: At) -> None:
    script.timer_ms = 6 * HOUR_MS
    store = MemoryState()
    behind = MemoryJournal([script.message(at(0)), script.message(at(1)), script.message(at(2))])
    clock = FixedClock(at(9))
    engine = Engine(
        [JournalInlet(MemoryJournal([script.message(at(0), facts.lp())]), "a"), JournalInlet(behind, "b")],
        store,
        script,
        clock,
        options=Options(Room(1)),
    )
    engine.step()
    assert store.alerts() == ()
    engine.drain()
    clock.at_ms += MINUTE_MS
    store.use_pack("again", clock.at_ms)
    engine.drain()
    assert [record.alert.rule for record in store.alerts()] == ["silence"]


def test_one_step_judges_a_bounded_number_of_patients(script: Script, facts: Facts, at: At) -> None:
    messages = [script.message(at(1), facts.lp(patient=f"{number}")) for number in range(450)]
    engine = Engine(
        [JournalInlet(MemoryJournal(messages))],
        MemoryState(),
        script,
        FixedClock(at(2)),
        options=Options(rounds=2),
    )
    assert [engine.step().assessed.cases for _ in range(3)] == [400, 50, 0]


class Stubborn(MemoryState):
    """A store that cannot be cleaned for a while."""

    failures = 2
    cleaned = 0

    def drop_recent(self, received_before_ms: int, long_concepts: Iterable[str], long_before_ms: int) -> None:
        if self.failures:
            self.failures -= 1
            raise TemporaryError("busy", "storage")
        self.cleaned += 1
        super().drop_recent(received_before_ms, long_concepts, long_before_ms)


def test_cleaning_that_fails_is_tried_again_and_stops_nothing(script: Script, at: At) -> None:
    store, clock = Stubborn(), FixedClock(at(1))
    engine = Engine([JournalInlet(MemoryJournal([script.message(at(0))]))], store, script, clock)
    assert engine.step().ingested == 1
    for _ in range(5):
        engine.step()
    assert (store.failures, store.cleaned) == (1, 0)
    clock.at_ms += MINUTE_MS
    engine.step()
    clock.at_ms += MINUTE_MS
    engine.step()
    engine.step()
    assert store.cleaned == 1
    clock.at_ms += DAY_MS
    engine.step()
    assert store.cleaned == 2


def test_a_backlog_that_is_read_late_finds_its_facts(script: Script, facts: Facts, at: At) -> None:
    store, clock = MemoryState(), FixedClock(at(24 * 9))
    told = [script.message(at(1), facts.temp(39, 1)), script.message(at(2), facts.lp())]
    journal = MemoryJournal([replace(raw, received_at_ms=script.message_time(raw)) for raw in told])
    engine = Engine([JournalInlet(journal)], store, script, clock, options=Options(Room(1)))
    engine.step()
    clock.at_ms += DAY_MS
    engine.step()
    assert len(store.alerts()) == 1


def test_an_assessment_that_is_due_finds_the_facts_of_its_time(
    at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, dropped = MemoryState(), list[tuple[int, int]]()
    monkeypatch.setattr(store, "next_due_ms", lambda: at(24 * 3))
    monkeypatch.setattr(
        store, "drop_recent", lambda before_ms, _, long_ms: dropped.append((before_ms, long_ms))
    )
    cleaning = Cleaning(store, [], Retention(), [], "me")
    cleaning.run(progress(), at(24 * 90), at(24 * 80))
    assert dropped == [(at(24 * (3 - 7)), at(24 * (3 - 37)))]


def test_by_the_time_of_messages_a_gap_is_told_before_another_part_closes_it_and_then_withdrawn(
    script: Script, facts: Facts, at: At
) -> None:
    """The limit that the reference of `clock` states: the wall clock waits for all parts, and message times cannot."""
    script.timer_ms = 6 * HOUR_MS
    store = MemoryState()
    ahead = MemoryJournal([script.message(at(0), facts.lp()), script.message(at(9))])
    behind = MemoryJournal()
    engine = Engine(
        [JournalInlet(ahead, "a"), JournalInlet(behind, "b")],
        store,
        script,
        MessageClock(),
        options=Options(is_exact=False),
    )
    engine.drain()
    behind.append([script.message(at(3), facts.temp(37, 3))])
    engine.drain()
    (record,) = store.alerts()
    assert [entry.state for entry in record.history] == [AlertState.RAISED, AlertState.WITHDRAWN]
