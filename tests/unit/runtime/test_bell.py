"""What wakes a relay within one process."""

from __future__ import annotations

from threading import Event, Thread
from time import monotonic

from tests.unit.runtime.test_relay import Stage
from worker.runtime.bell import ThreadBell
from worker.runtime.metrics import Metrics
from worker.runtime.metrics_store import MeteredState

LONG_S = 60.0


def test_a_ring_while_nobody_waits_is_heard_by_the_next_wait_and_once() -> None:
    bell = ThreadBell()
    bell.ring()
    begun_s = monotonic()
    bell.wait(LONG_S)
    assert monotonic() - begun_s < LONG_S / 2
    bell.wait(0.01)
    assert monotonic() - begun_s >= 0.01


def test_a_relay_that_is_idle_sends_what_this_process_writes_at_once() -> None:
    stage = Stage()
    relay, stop, begun_s = stage.relay(), Event(), monotonic()
    stage.store = MeteredState(stage.store, lambda _: 0, lambda _: 0, Metrics(), relay.wake)
    thread = Thread(target=relay.run, args=[stop], kwargs={"idle_s": LONG_S})
    thread.start()
    for number in range(3):
        stage.put(("all", "a", number))
        while len(stage.topics.ids("all")) <= number and monotonic() - begun_s < LONG_S / 2:
            stop.wait(0.002)
    stop.set()
    relay.wake()
    thread.join()
    assert stage.topics.versions("all", "a") == [0, 1, 2]
    assert monotonic() - begun_s < LONG_S / 2


def test_a_step_that_writes_no_notice_wakes_nobody() -> None:
    stage, woken = Stage(), []
    state = MeteredState(stage.store, lambda _: 0, lambda _: 0, Metrics(), lambda: woken.append(1))
    stage.store = state
    state.note_caught_up({"p": 1})
    assert not woken
    stage.put(("all", "a", 1))
    assert woken == [1]
