"""The only place that asks for the time; everybody else is handed an instant or a clock."""

from __future__ import annotations

import time
from typing import Protocol

from worker.model.time import DAY_MS, EpochMs

_NS_PER_MS = 1_000_000


class Clock(Protocol):
    """Tell the time of receipts and assessments; it never runs backwards."""

    def now_ms(self) -> EpochMs:
        """Give the present instant."""


class WallClock:
    """The time of day, held still while the system's clock is set back."""

    def __init__(self) -> None:
        """Start at the present instant."""
        self._latest_ms = 0

    def now_ms(self) -> EpochMs:
        """Give the present instant."""
        self._latest_ms = max(self._latest_ms, time.time_ns() // _NS_PER_MS)
        return self._latest_ms


class MessageClock:
    """The time as messages tell it: each moves the clock to its own time, never back."""

    def __init__(self, start_ms: EpochMs = 0) -> None:
        """Start where an earlier run stopped."""
        self._now_ms = start_ms

    def now_ms(self) -> EpochMs:
        """Give the latest time that any message told."""
        return self._now_ms

    def observe(self, at_ms: EpochMs | None) -> EpochMs:
        """Take note of the time of a message (None: it tells none), and give the instant of its receipt."""
        if at_ms is not None:
            self._now_ms = max(self._now_ms, at_ms)
        return self._now_ms


def latest_believable_ms() -> EpochMs:
    """Give the last instant at which a message can say to be written: a day after the present one.

    A later one is from a wrong clock or a mistyped year. It would outrank all corrections until then, and carry a message clock
    with it, so that every window would be over.
    """
    return time.time_ns() // _NS_PER_MS + DAY_MS


def is_believable(told_ms: EpochMs) -> bool:
    """Tell whether a message can have been written at the instant that it states."""
    return told_ms <= latest_believable_ms()


class FixedClock:
    """A time that is set by hand, for tests."""

    def __init__(self, at_ms: EpochMs) -> None:
        """Start at an instant."""
        self.at_ms = at_ms

    def now_ms(self) -> EpochMs:
        """Give the instant that was set."""
        return self.at_ms


class Stopwatch:
    """Measure how long something takes; says nothing of the time of day."""

    def __init__(self) -> None:
        """Start measuring."""
        self._start_s = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Give the seconds since the start."""
        return time.perf_counter() - self._start_s
