from __future__ import annotations

import pytest

from worker.model.time import DAY_MS
from worker.runtime import clock as clocks
from worker.runtime.clock import FixedClock, MessageClock, Stopwatch, WallClock, is_believable


def test_the_wall_clock_never_runs_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter([5_000_000, 3_000_000, 6_000_000])
    monkeypatch.setattr(clocks.time, "time_ns", lambda: next(instants))
    clock = WallClock()
    assert [clock.now_ms() for _ in range(3)] == [5, 5, 6]


def test_messages_move_their_clock_forward_only() -> None:
    clock = MessageClock()
    assert [clock.observe(at_ms) for at_ms in (7, 3, None, 9)] == [7, 7, 7, 9]
    assert clock.now_ms() == 9


def test_a_message_of_tomorrow_is_believed_and_one_of_next_week_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clocks.time, "time_ns", lambda: 5_000_000)
    assert is_believable(5 + DAY_MS)
    assert not is_believable(6 + DAY_MS)


def test_a_fixed_clock_stands_where_it_is_put() -> None:
    clock = FixedClock(5)
    clock.at_ms = 8
    assert clock.now_ms() == 8


def test_a_stopwatch_counts_up() -> None:
    watch = Stopwatch()
    assert 0 <= watch.seconds <= watch.seconds
