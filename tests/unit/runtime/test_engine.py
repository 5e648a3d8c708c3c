from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from worker.model.alert import AlertState, Notice
from worker.model.errors import TemporaryError
from worker.model.fact import Identifier, IdentityLink, PunctureStatus
from worker.model.time import HOUR_MS, MINUTE_MS, SECOND_MS
from worker.runtime.clock import FixedClock, MessageClock
from worker.runtime.engine import Engine, Options
from worker.runtime.inlet import JournalInlet, Room
from worker.storage.memory import MemoryState
from worker.storage.memory_journal import MemoryJournal
from worker.storage.migrate import upgrade
from worker.storage.records import Batch, CountKey, Position
from worker.storage.state import SqlState

Script = Facts = Any  # the classes of conftest.py, which cannot be imported by name
Store = SqlState | MemoryState
At = Callable[[float], int]


class ListSink:
    """Keep what is sent; fail as often as told."""

    name = "list"

    def __init__(self, failures: int = 0) -> None:
        self.sent: list[Notice] = []
        self.failures = failures

    def send(self, notices: Sequence[Notice]) -> None:
        if self.failures:
            self.failures -= 1
            raise TemporaryError("away", "list")
        self.sent.extend(notices)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryState()
        return
    url = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(url, "state")
    opened = SqlState(url, synchronous="OFF", commit_every=5)
    yield opened
    opened.close()


def history(store: Store) -> list[tuple[str, list[tuple[int, str]]]]:
    return [
        (record.alert.rule, [(line.at_ms, line.state.value) for line in record.history])
        for record in store.alerts()
    ]


def test_a_fever_after_an_lp_raises_an_alert_at_its_receipt(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    journal = MemoryJournal([script.message(at(1), facts.lp()), script.message(at(3), facts.temp(38.5, 2))])
    engine = Engine([JournalInlet(journal)], store, script, MessageClock())
    assert engine.drain() == 2
    assert history(store) == [("fever", [(at(3), "raised")])]


def test_a_fever_known_before_its_lp_raises_when_the_lp_comes(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    journal = MemoryJournal([script.message(at(3), facts.temp(38.5, 2)), script.message(at(5), facts.lp())])
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    assert history(store) == [("fever", [(at(5), "raised")])]


def test_a_correction_withdraws_the_alert(script: Script, facts: Facts, at: At, store: Store) -> None:
    journal = MemoryJournal(
        [
            script.message(at(1), facts.lp()),
            script.message(at(3), facts.temp(38.5, 2, key="t")),
            script.message(at(4), facts.temp(36.5, 2, key="t", version=2)),
        ]
    )
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    assert history(store) == [("fever", [(at(3), "raised"), (at(4), "withdrawn")])]


def test_a_cancelled_lp_withdraws_its_alerts_and_counts_no_longer(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    cancelled = facts.lp(key="p", version=2, status=PunctureStatus.CANCELLED)
    journal = MemoryJournal(
        [
            script.message(at(1), facts.lp(key="p"), facts.temp(39, 1)),
            script.message(at(2), cancelled),
        ]
    )
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    (record,) = store.alerts()
    assert record.alert.state is AlertState.WITHDRAWN
    assert record.history[-1].reason == "lumbar puncture void"
    assert store.episodes() == (0, 0)


def test_messages_of_one_instant_are_judged_together(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    journal = MemoryJournal(
        [
            script.message(at(1), facts.lp()),
            script.message(at(3), facts.temp(38.5, 2, key="t")),
            script.message(at(3), facts.temp(36.5, 2, key="t", version=2)),
        ]
    )
    Engine([JournalInlet(journal)], store, script, MessageClock(), options=Options(Room(2))).drain()
    assert history(store) == []


def test_a_timer_fires_at_its_own_instant_before_a_later_message(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    script.timer_ms = 6 * HOUR_MS
    journal = MemoryJournal([script.message(at(0), facts.lp()), script.message(at(9), facts.temp(37, 5))])
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    assert history(store) == [("silence", [(at(6), "raised"), (at(9), "withdrawn")])]


def test_time_that_passes_without_messages_fires_timers(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    script.timer_ms = 6 * HOUR_MS
    engine = Engine(
        [JournalInlet(MemoryJournal([script.message(at(0), facts.lp())]))], store, script, MessageClock()
    )
    engine.drain()
    assert history(store) == []
    engine.advance(at(8))
    assert history(store) == [("silence", [(at(6), "raised")])]


def test_an_alert_expires_when_its_window_ends(script: Script, facts: Facts, at: At, store: Store) -> None:
    engine = Engine(
        [JournalInlet(MemoryJournal([script.message(at(1), facts.lp(), facts.temp(39, 1))]))],
        store,
        script,
        MessageClock(),
    )
    engine.drain()
    engine.advance(at(24 * 30))
    assert history(store) == [("fever", [(at(1), "raised"), (at(24 * 7), "expired")])]


def test_an_alert_that_one_worker_let_expire_is_not_raised_again_by_a_slower_clock(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    journal = MemoryJournal([script.message(at(1), facts.lp(), facts.temp(39, 1))])
    Engine([JournalInlet(journal)], store, script, FixedClock(at(1))).drain()
    window_ends = at(24 * 7)
    Engine([JournalInlet(journal)], store, script, FixedClock(window_ends + 3 * SECOND_MS)).drain()
    before = history(store)
    script.digest = "other"
    Engine([JournalInlet(journal)], store, script, FixedClock(window_ends - 2 * SECOND_MS)).drain()
    assert (
        history(store) == before == [("fever", [(at(1), "raised"), (window_ends + 3 * SECOND_MS, "expired")])]
    )


def test_a_timer_on_an_idle_stream_fires_by_the_wall_clock(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    script.timer_ms = 6 * HOUR_MS
    clock = FixedClock(at(1))
    engine = Engine([JournalInlet(MemoryJournal([script.message(at(0), facts.lp())]))], store, script, clock)
    engine.drain()
    clock.at_ms = at(7)
    engine.drain()
    assert history(store) == [("silence", [(at(7), "raised")])]


def test_a_gap_is_not_judged_before_the_journal_is_consumed(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    script.timer_ms = 6 * HOUR_MS
    messages = [script.message(at(0), facts.lp()), script.message(at(5), facts.temp(37, 5))]
    engine = Engine(
        [JournalInlet(MemoryJournal(messages))], store, script, FixedClock(at(9)), options=Options(Room(1))
    )
    engine.step()
    assert history(store) == []
    engine.drain()
    assert history(store) == []


def test_one_step_of_the_wall_clock_judges_a_patient_once(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    messages = [
        script.message(at(0), facts.lp()),
        *(script.message(at(1), facts.temp(37, 1)) for _ in range(20)),
    ]
    Engine([JournalInlet(MemoryJournal(messages))], store, script, FixedClock(at(2))).step()
    assert script.assessed_at == [at(2)]


def test_patients_without_an_lp_are_not_judged(script: Script, facts: Facts, at: At, store: Store) -> None:
    Engine(
        [JournalInlet(MemoryJournal([script.message(at(0), facts.temp(39, 1))]))],
        store,
        script,
        MessageClock(),
    ).drain()
    assert script.assessed_at == []
    assert store.next_due_ms() is None


def test_a_merge_brings_the_fever_of_one_number_to_the_lp_of_another(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    link = IdentityLink(Identifier("ward", "1"), Identifier("ward", "2"), "merge", at(3))
    journal = MemoryJournal(
        [
            script.message(at(1), facts.lp(patient="1")),
            script.message(at(2), facts.temp(39, 2, patient="2")),
            script.message(at(3), links=[link]),
        ]
    )
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    assert history(store) == [("fever", [(at(3), "raised")])]
    assert {patient.value for patient in store.alerts()[0].patients} == {"1", "2"}


def test_an_unlink_takes_the_alert_back(script: Script, facts: Facts, at: At, store: Store) -> None:
    pair = Identifier("ward", "1"), Identifier("ward", "2")
    journal = MemoryJournal(
        [
            script.message(at(1), facts.lp(patient="1"), links=[IdentityLink(*pair, "merge", at(1))]),
            script.message(at(2), facts.temp(39, 2, patient="2")),
            script.message(at(3), links=[IdentityLink(*pair, "unlink", at(3))]),
        ]
    )
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    assert history(store) == [("fever", [(at(2), "raised"), (at(3), "withdrawn")])]


def test_joined_lps_leave_one_alert(script: Script, facts: Facts, at: At, store: Store) -> None:
    pair = Identifier("ward", "1"), Identifier("ward", "2")
    journal = MemoryJournal(
        [
            script.message(at(1), facts.lp(patient="1"), facts.temp(39, 1, patient="1")),
            script.message(at(2), facts.lp(patient="2"), facts.temp(39, 2, patient="2")),
            script.message(at(3), links=[IdentityLink(*pair, "merge", at(3))]),
            script.message(at(4), facts.temp(39, 4, patient="2")),
        ]
    )
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    assert store.episodes() == (1, 0)
    assert sorted(record.alert.state for record in store.alerts()) == [
        AlertState.SUPERSEDED,
        AlertState.UPDATED,
    ]


def test_a_failed_assessment_is_quarantined_and_tried_again_by_itself(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    journal = MemoryJournal([script.message(at(1), facts.lp(), facts.temp(39, 1))])
    engine = Engine([JournalInlet(journal)], store, script, MessageClock())
    script.failing = ZeroDivisionError
    engine.drain()
    assert store.counts()[CountKey("assessment", "", "internal error ZeroDivisionError", "")] == 1
    assert store.alerts() == ()
    script.failing = None
    journal.append([script.message(at(2), facts.temp(37, 2))])
    engine.drain()
    assert history(store) == [("fever", [(at(1) + 60_000, "raised")])]


def test_a_new_engine_goes_on_where_the_last_one_stopped(
    script: Script, facts: Facts, at: At, store: Store
) -> None:
    journal = MemoryJournal([script.message(at(1), facts.lp())])
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    journal.append([script.message(at(0), facts.temp(39, 1))])
    engine = Engine([JournalInlet(journal)], store, script, MessageClock())
    assert engine.drain() == 1
    assert history(store) == [("fever", [(at(1), "raised")])], "the clock goes on, too"


def test_a_changed_pack_reassesses_standing_lps(script: Script, facts: Facts, at: At, store: Store) -> None:
    journal = MemoryJournal([script.message(at(1), facts.lp())])
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    script.digest = "other"
    before = len(script.assessed_at)
    Engine([JournalInlet(journal)], store, script, MessageClock()).drain()
    assert len(script.assessed_at) == before + 1


def test_notices_are_sent_once_and_in_order(script: Script, facts: Facts, at: At, store: Store) -> None:
    sink = ListSink()
    journal = MemoryJournal(
        [
            script.message(at(1), facts.lp(), facts.temp(39, 1, key="t")),
            script.message(at(2), facts.temp(36, 1, key="t", version=2)),
        ]
    )
    engine = Engine(
        [JournalInlet(journal)], store, script, MessageClock(), sinks=[sink], new_id=iter("eabcdef").__next__
    )
    engine.drain()
    engine.drain()
    assert [(notice.notice_id, notice.version) for notice in sink.sent] == [("a.1", 1), ("a.2", 2)]


def test_a_sink_that_is_away_is_tried_again_later(script: Script, facts: Facts, at: At, store: Store) -> None:
    sink = ListSink(failures=2)
    clock = FixedClock(at(1))
    journal = MemoryJournal([script.message(at(1), facts.lp(), facts.temp(39, 1))])
    engine = Engine([JournalInlet(journal)], store, script, clock, sinks=[sink])
    assert engine.step().delivered.postponed == 1
    assert engine.step().delivered.postponed == 0
    clock.at_ms += SECOND_MS
    assert engine.step().delivered.postponed == 1
    clock.at_ms += MINUTE_MS
    assert engine.step().delivered.sent == 1


def test_old_facts_are_dropped_as_days_pass(script: Script, facts: Facts, at: At, store: Store) -> None:
    journal = MemoryJournal([script.message(at(0), facts.temp(39, 0))])
    engine = Engine([JournalInlet(journal)], store, script, MessageClock())
    engine.drain()
    assert len(store.case(1).facts) == 1
    journal.append([script.message(at(24 * 9), facts.temp(39, 0, patient="2"))])
    engine.drain()
    assert store.case(1).facts == ()


def test_run_works_until_it_is_told_to_stop(script: Script, facts: Facts, at: At) -> None:
    store = MemoryState()
    journal = MemoryJournal()
    engine = Engine([JournalInlet(journal)], store, script, FixedClock(at(1)))
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=(stop,), kwargs={"idle_s": 0.01})
    thread.start()
    try:
        journal.append([script.message(at(1), facts.lp(), facts.temp(39, 1))])
        engine.wake()
        deadline = threading.Event()
        for _ in range(6_000):
            if store.alerts():
                break
            deadline.wait(0.01)
    finally:
        stop.set()
        engine.wake()
        thread.join(60)
    assert len(store.alerts()) == 1


def test_run_goes_on_when_the_store_comes_back(script: Script, facts: Facts, at: At) -> None:
    stop = threading.Event()

    class Flaky(MemoryState):
        failures = 3

        def record(self, batch: Batch) -> bool:
            if self.failures:
                self.failures -= 1
                raise TemporaryError("away", "storage")
            stop.set()
            return super().record(batch)

    store = Flaky()
    journal = MemoryJournal([script.message(at(1), facts.lp(), facts.temp(39, 1))])
    Engine([JournalInlet(journal)], store, script, FixedClock(at(1))).run(stop, retry_s=0.001)
    assert len(store.alerts()) == 1


def test_run_goes_on_while_the_store_cannot_even_tell_its_position(
    script: Script, facts: Facts, at: At
) -> None:
    stop = threading.Event()

    class Away(MemoryState):
        failures = 0

        def position(self, part: str) -> Position:
            self._fail()
            return super().position(part)

        def commit(self) -> None:
            self._fail()
            if self.alerts():
                stop.set()

        def _fail(self) -> None:
            if self.failures:
                self.failures -= 1
                raise TemporaryError("away", "storage")

    store = Away()
    journal = MemoryJournal([script.message(at(1), facts.lp(), facts.temp(39, 1))])
    engine = Engine([JournalInlet(journal)], store, script, FixedClock(at(1)))
    store.failures = 4
    engine.run(stop, retry_s=0.001)
    assert len(store.alerts()) == 1
