"""Tell Prometheus what a relay does."""

from __future__ import annotations

from typing import Protocol

from worker.model.time import SECOND_MS, EpochMs
from worker.runtime.clock import Clock, Stopwatch
from worker.runtime.metrics import Metrics
from worker.runtime.relay import Relayed

_GAUGE_EVERY_S = 1.0


class Waiting(Protocol):
    """Know what waits in the outbox."""

    def count_waiting(self, sink: str) -> int:
        """Count the notices that a sink does not have yet."""

    def oldest_waiting_ms(self, sink: str) -> EpochMs | None:
        """Tell since when the oldest of them waits."""


class MeteredRelay:
    """Count what one relay sends, and look now and then at what waits; used by the thread of that relay."""

    def __init__(self, waiting: Waiting, clock: Clock, metrics: Metrics) -> None:
        """Keep the outbox of the relay, and the clock by which notices wait."""
        self._waiting = waiting
        self._clock = clock
        self._metrics = metrics
        self._watch: Stopwatch | None = None

    def stepped(self, sink: str, done: Relayed) -> None:
        """Take note of a step."""
        metrics = self._metrics
        metrics.relay_leader.labels(sink).set(done.is_leader)
        metrics.notices.labels(sink).inc(done.sent)
        metrics.notices_postponed.labels(sink).inc(done.postponed)
        metrics.notices_refused.labels(sink).inc(done.refused)
        if self._watch is None or self._watch.seconds > _GAUGE_EVERY_S:
            self._watch = Stopwatch()
            oldest_ms = self._waiting.oldest_waiting_ms(sink)
            now_ms = self._clock.now_ms()
            waits_s = 0.0 if oldest_ms is None else max(0, now_ms - oldest_ms) / SECOND_MS
            metrics.outbox_oldest.labels(sink).set(waits_s)
            metrics.outbox_waiting.labels(sink).set(self._waiting.count_waiting(sink))
