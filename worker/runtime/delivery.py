"""Hand notices from the outbox to their sinks: at least once, under one id, an alert's in the order of its versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from worker.model.alert import Notice
from worker.model.errors import TemporaryError
from worker.model.time import MINUTE_MS, SECOND_MS, EpochMs
from worker.storage.records import NoticeKey, PendingNotice

_log = structlog.get_logger(__name__)

_LIMIT = 200
_MAX_BACKOFF_MS = 5 * MINUTE_MS
_MAX_DOUBLINGS = 12


class Outbox(Protocol):
    """Keep notices until their sinks have them."""

    def pending(self, sink: str, now_ms: EpochMs, limit: int) -> Sequence[PendingNotice]:
        """Read notices that may be sent now, an alert's in the order of its versions."""

    def mark_sent(
        self, sink: str, keys: Collection[NoticeKey], offsets: Mapping[tuple[str, int], int] | None = None
    ) -> None:
        """Note that the sink has these notices, and up to where in each (topic, partition) that is all."""

    def postpone(self, sink: str, keys: Collection[NoticeKey], until_ms: EpochMs) -> None:
        """Note that the sink could not take these notices, and when to try again."""


class Sink(Protocol):
    """Take notices to where people see them."""

    @property
    def name(self) -> str:
        """Name the sink in the outbox; it never changes."""

    def send(self, notices: Sequence[Notice]) -> None:
        """Send notices in this order; when this returns they are there for good.

        Raises: TemporaryError where some may not have arrived and a retry can help; the sink tells repeats by their id.
        """


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many notices were sent, and how many must wait for another try."""

    sent: int = 0
    postponed: int = 0


def backoff_ms(attempts: int) -> int:
    """Give how long to wait after this many failed tries: a second, doubled each time, at most five minutes."""
    return min(SECOND_MS << min(attempts, _MAX_DOUBLINGS), _MAX_BACKOFF_MS)


class Delivery:
    """Empty the outbox into the sinks."""

    def __init__(self, outbox: Outbox, sinks: Sequence[Sink]) -> None:
        """Keep the outbox and the sinks; notices of other sinks stay where they are."""
        self._outbox = outbox
        self._sinks = tuple(sinks)

    @property
    def has_sinks(self) -> bool:
        """Tell whether anybody listens."""
        return bool(self._sinks)

    def run(self, now_ms: EpochMs) -> Delivered:
        """Send what may be sent now; a sink that fails does not hold up the others."""
        sent = postponed = 0
        for sink in self._sinks:
            while batch := self._outbox.pending(sink.name, now_ms, _LIMIT):
                if not self._send(sink, batch, now_ms):
                    postponed += len(batch)
                    break
                sent += len(batch)
        return Delivered(sent, postponed)

    def _send(self, sink: Sink, batch: Sequence[PendingNotice], now_ms: EpochMs) -> bool:
        keys = [item.key for item in batch]
        try:
            sink.send([item.notice for item in batch])
        except TemporaryError as error:
            _log.warning("notices_postponed", sink=sink.name, count=len(keys), reason=error.reason)
        except Exception as error:  # noqa: BLE001 - a sink that fails must not stop ingest and assessment
            _log.error("sink_failed", sink=sink.name, count=len(keys), error=type(error).__name__)
        else:
            self._outbox.mark_sent(sink.name, keys)
            return True
        attempts = max(item.attempts for item in batch)
        self._outbox.postpone(sink.name, keys, now_ms + backoff_ms(attempts))
        return False
