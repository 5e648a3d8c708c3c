"""Tell Prometheus, and heartbeats, how far a worker is behind the topics that it reads."""

from __future__ import annotations

from collections.abc import Mapping

from worker.runtime.metrics import Metrics


class MeteredKafka:
    """Keep the lag of each partition that is ours; written by the engine's thread, read by others."""

    def __init__(self, metrics: Metrics) -> None:
        """Keep where to count."""
        self._metrics = metrics
        self._lags: dict[str, int] = {}

    @property
    def lags(self) -> Mapping[str, int]:
        """Give how many messages wait in each part that is ours."""
        return dict(self._lags)

    def rebalanced(self) -> None:
        """Note that partitions came or went."""
        self._metrics.rebalances.inc()

    def lagging(self, part: str, messages: int | None) -> None:
        """Note how many messages of a part are not ingested yet; None for a part that is no longer ours."""
        if messages is None:
            self._forget(part)
            return
        self._lags = {**self._lags, part: messages}
        self._metrics.part_lag.labels(part).set(messages)

    def stopped(self, part: str, *, is_stopped: bool) -> None:
        """Note that a part cannot be read on, or can again."""
        self._metrics.part_stopped.labels(part).set(is_stopped)

    def _forget(self, part: str) -> None:
        self._lags = {name: lag for name, lag in self._lags.items() if name != part}
        for gauge in (self._metrics.part_lag, self._metrics.part_stopped):
            if (part,) in gauge._metrics:  # noqa: SLF001  there is no public way to ask, and `remove` of a stranger raises
                gauge.remove(part)
