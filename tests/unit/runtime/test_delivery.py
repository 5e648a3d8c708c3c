from __future__ import annotations

from collections.abc import Sequence

import pytest

from worker.model.alert import Notice
from worker.model.errors import TemporaryError
from worker.model.time import MINUTE_MS, SECOND_MS
from worker.runtime.delivery import Delivered, Delivery, backoff_ms
from worker.storage.memory import MemoryState
from worker.storage.records import Batch, Outgoing


class Sink:
    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.sent: list[str] = []

    def send(self, notices: Sequence[Notice]) -> None:
        if self.error is not None:
            raise self.error
        self.sent.extend(notice.notice_id for notice in notices)


def waiting(*places: tuple[str, str, int]) -> MemoryState:
    store = MemoryState()
    for sink, alert, version in places:
        notice = Notice(f"{alert}.{version}", alert, version, b"{}")
        first = store.position(sink).next
        item = Outgoing(sink, "", "alert", notice)
        store.record(Batch(sink, first, first + 1, 0, outgoing=[item]))
    return store


def test_each_sink_gets_its_own_notices() -> None:
    one, two = Sink("one"), Sink("two")
    store = waiting(("one", "a", 1), ("two", "b", 1), ("three", "c", 1))
    assert Delivery(store, [one, two]).run(10) == Delivered(2, 0)
    assert (one.sent, two.sent) == (["a.1"], ["b.1"])
    assert len(store.pending("three", 10, 9)) == 1


@pytest.mark.parametrize("error", [TemporaryError("away", "one"), ZeroDivisionError()])
def test_a_sink_that_fails_does_not_hold_up_another(error: Exception) -> None:
    one, two = Sink("one", error), Sink("two")
    store = waiting(("one", "a", 1), ("two", "a", 1))
    assert Delivery(store, [one, two]).run(10) == Delivered(1, 1)
    assert two.sent == ["a.1"]
    assert store.next_try_ms() == 10 + SECOND_MS


def test_versions_of_an_alert_are_sent_in_order() -> None:
    sink = Sink("one")
    Delivery(waiting(("one", "a", 3), ("one", "a", 1), ("one", "a", 2)), [sink]).run(10)
    assert sink.sent == ["a.1", "a.2", "a.3"]


def test_more_notices_than_one_batch_are_all_sent() -> None:
    sink = Sink("one")
    store = waiting(*(("one", f"a{number}", 1) for number in range(450)))
    assert Delivery(store, [sink]).run(10).sent == 450
    assert len(set(sink.sent)) == 450


def test_the_wait_doubles_up_to_five_minutes() -> None:
    assert [backoff_ms(attempts) for attempts in (0, 1, 2)] == [SECOND_MS, 2 * SECOND_MS, 4 * SECOND_MS]
    assert backoff_ms(9) == backoff_ms(10_000) == 5 * MINUTE_MS


def test_without_sinks_nothing_is_sent() -> None:
    delivery = Delivery(waiting(("one", "a", 1)), [])
    assert not delivery.has_sinks
    assert delivery.run(10) == Delivered()
