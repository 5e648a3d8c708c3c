"""Counting what passes through the stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.contract.state_values import ANNA, alert_of, fact
from worker.model.alert import AlertChange
from worker.model.errors import TemporaryError
from worker.model.message import Form, RawMessage
from worker.runtime import metrics_store
from worker.runtime.metrics import Metrics
from worker.runtime.metrics_store import MeteredIntake, MeteredJournal, MeteredState
from worker.storage.memory import MemoryState
from worker.storage.memory_journal import MemoryJournal
from worker.storage.records import Assessed, Batch, Case, CountKey, FeedClock, Quarantined, Verdict


def _message() -> RawMessage:
    return RawMessage(b"MSH", Form.HL7V2, "mllp:1", 5)


def _state(metrics: Metrics) -> MeteredState:
    return MeteredState(MemoryState(), lambda _: 7, lambda _: 3, metrics)


def _text(metrics: Metrics) -> str:
    return metrics.render().decode()


def test_stored_messages_are_counted_by_transport_and_the_engine_is_woken() -> None:
    metrics, woken = Metrics(), []
    MeteredIntake(MemoryJournal(), metrics, lambda: woken.append(1)).append([_message(), _message()])
    assert 'lpwatch_messages_received_total{transport="mllp:1"} 2.0' in _text(metrics)
    assert woken == [1]


class _FullJournal(MemoryJournal):
    is_full = True

    def append(self, messages: Sequence[RawMessage]) -> None:
        if self.is_full:
            raise TemporaryError("full", "storage")
        super().append(messages)


def test_storage_fails_from_a_message_that_could_not_be_stored_to_one_that_could() -> None:
    journal = _FullJournal()
    intake = MeteredIntake(journal, Metrics(), lambda: None)
    assert not intake.is_failing
    with pytest.raises(TemporaryError):
        intake.append([_message()])
    assert intake.is_failing
    journal.is_full = False
    intake.append([_message()])
    assert not intake.is_failing


def test_storage_that_failed_long_ago_is_given_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_store, "_FAILING_S", 0.0)
    intake = MeteredIntake(_FullJournal(), Metrics(), lambda: None)
    with pytest.raises(TemporaryError):
        intake.append([_message()])
    assert not intake.is_failing


def test_notices_that_wait_and_that_were_postponed_are_told_by_sink() -> None:
    metrics = Metrics()
    state = _state(metrics)
    state.pending("file", 1_000, 10)
    state.postpone("file", [], 2_000)
    assert 'lpwatch_outbox_waiting{sink="file"} 3.0' in _text(metrics)
    assert 'lpwatch_notices_postponed_total{sink="file"} 0.0' in _text(metrics)


def test_journal_tells_how_many_messages_wait_and_that_none_do() -> None:
    metrics, journal = Metrics(), MemoryJournal([_message()] * 5)
    metered = MeteredJournal(journal, lambda: 6, metrics)
    metered.read(2, 10, 1_000)
    assert "lpwatch_journal_lag 4.0" in _text(metrics)
    metered.read(6, 10, 1_000)
    assert "lpwatch_journal_lag 0.0" in _text(metrics)


def test_batch_is_counted_once_it_is_written() -> None:
    metrics = Metrics()
    counts = {
        CountKey("processed", "north", ""): 2,
        CountKey("ignored", "north", "message type ADT^A02"): 1,
        CountKey("issue", "north", "unmapped-code", "x|1"): 3,
    }
    batch = Batch("journal", 0, 4, 1_000, counts=counts, feeds={"north": 1_000})
    assert _state(metrics).record(batch)
    text = _text(metrics)
    assert 'lpwatch_messages_total{feed="north",outcome="processed",reason=""} 2.0' in text
    assert 'lpwatch_message_issues_total{feed="north",kind="unmapped-code"} 3.0' in text
    assert 'lpwatch_feed_last_received_seconds{feed="north"} 1.0' in text


def test_a_feed_whose_clock_is_ahead_of_ours_is_told() -> None:
    metrics = Metrics()
    clocks = {"north": FeedClock(400_000, 1_000, 399_000), "south": FeedClock(0, 1_000, -1_000)}
    assert _state(metrics).record(Batch("journal", 0, 1, 1_000, clocks=clocks))
    assert 'lpwatch_feed_clock_ahead_seconds{feed="north"} 399.0' in _text(metrics)
    assert 'lpwatch_feed_clock_ahead_seconds{feed="south"} -1.0' in _text(metrics)


def test_batch_that_is_not_written_is_not_counted() -> None:
    metrics = Metrics()
    batch = Batch("journal", 3, 4, 1_000, counts={CountKey("processed", "north", ""): 1})
    assert not _state(metrics).record(batch)
    assert 'outcome="processed"' not in _text(metrics)


def test_backlog_is_told_when_assessing() -> None:
    metrics = Metrics()
    state = _state(metrics)
    state.assess(1_000, (), lambda _: None)
    assert "lpwatch_due_backlog 7.0" in _text(metrics)
    assert state.last_step.seconds < 60


def test_blind_spots_are_counted_at_most_once_a_minute_also_while_nothing_comes() -> None:
    metrics, asked = Metrics(), []

    def count(at_ms: int) -> dict[str, int]:
        asked.append(at_ms)
        return {"silent": 4}

    state = MeteredState(MemoryState(), lambda _: 7, lambda _: 3, metrics, count_blind=count)
    for at_ms in (1_000, 2_000):
        state.assess(at_ms, (), lambda _: None)
    assert asked == [1_000]
    assert 'lpwatch_blind_spots{kind="silent"} 4.0' in _text(metrics)
    assert 'lpwatch_blind_spots{kind="left"} 0.0' in _text(metrics)


class _Refusing(MemoryState):
    """Judge two patients, of whom the second cannot be written."""

    def assess(
        self, as_of_ms: int, _opening: object, decide: Callable[[Case], Verdict], *, limit: int = 200
    ) -> Assessed:
        verdicts = [decide(Case((), (), (), ())) for _ in range(2)]
        failure = Quarantined("assessment", as_of_ms, "internal error IntegrityError", "storage")
        return Assessed(limit, 2, 1, 1, failures=(failure,), unwritten=(verdicts[1],))


def test_an_assessment_that_the_store_refused_is_counted_as_failed_and_its_alerts_are_not() -> None:
    metrics = Metrics()
    change = AlertChange(alert_of(fact(ANNA, "lumbar-puncture")), "raised", is_visible=True, is_noticed=True)
    state = MeteredState(_Refusing(), lambda _: 7, lambda _: 3, metrics)
    state.assess(1_000, (), lambda _: Verdict(changes=(change,)))
    assert "lpwatch_assessments_failed_total 1.0" in _text(metrics)
    assert 'rule="fever-single",severity="urgent",state="raised"} 1.0' in _text(metrics)


def test_a_worker_that_waits_for_its_pack_is_not_stuck() -> None:
    state = _state(Metrics())
    tried, stepped = state.last_try, state.last_step
    state.lease("pack", "other", 30)
    assert state.last_try is not tried
    assert state.last_step is not stepped


def test_a_batch_that_is_written_is_a_step() -> None:
    state = _state(Metrics())
    begun = state.last_step
    state.record(Batch("journal", 3, 4, 1_000))
    assert state.last_step is begun
    state.record(Batch("journal", 0, 2, 1_000))
    assert state.last_step is not begun
