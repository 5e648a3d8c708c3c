"""Say every few seconds that a process lives and how far it is, on a topic; nothing of a patient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol

import msgspec
import structlog

from worker.alerts.operations import FeedDocument, HeartbeatDocument, OutboxDocument, PartDocument
from worker.model.errors import TemporaryError
from worker.model.time import EpochMs, to_rfc3339
from worker.runtime.clock import Clock
from worker.storage.records import Position

_log = structlog.get_logger(__name__)

KIND = "heartbeat"


class Publisher(Protocol):
    """Take events to where operators look for them."""

    def publish(self, kind: str, event_id: str, at_ms: EpochMs, subject: str, value: bytes) -> None:
        """Write one event.

        Raises: TemporaryError where that is not possible now.
        """


@dataclass(frozen=True, slots=True)
class Pulse:
    """How far a process is: what it looks up for each heartbeat.

    Shape: `due` and a part's lag are None where nobody knows them here, `seconds_since_step` where a role has no steps.
    """

    parts: Sequence[PartDocument] = ()
    feeds: Sequence[FeedDocument] = ()
    outbox: Sequence[OutboxDocument] = ()
    due: int | None = None
    seconds_since_step: float | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends heartbeats: the role, the name of the process in it, and what it works with."""

    role: str
    worker: str
    version: str
    pack: str = ""


class Heartbeat:
    """Publish a heartbeat at once and then every `every_s` seconds; one thread."""

    def __init__(
        self,
        who: Identity,
        publisher: Publisher,
        look: Callable[[EpochMs], Pulse],
        clock: Clock,
        every_s: float,
    ) -> None:
        """Keep who speaks, and what it looks at: `look` is called by the thread that `run` is called by."""
        self._who = who
        self._publisher = publisher
        self._look = look
        self._clock = clock
        self._every_s = every_s
        self._started_ms = clock.now_ms()
        self._sequence = 0
        self._is_heard = True

    def run(self, stop: Event) -> None:
        """Publish until `stop` is set; what cannot be said now is left out."""
        while not stop.is_set():
            try:
                self.beat()
            except TemporaryError as error:
                self._complain(error.reason, error.place)
            except Exception as error:  # noqa: BLE001 - a heartbeat must not end with its first surprise
                self._complain(f"internal error {type(error).__name__}", "")
            else:
                self._is_heard = True
            stop.wait(self._every_s)

    def beat(self) -> HeartbeatDocument:
        """Publish one heartbeat.

        Raises: TemporaryError where the topic or the database is away.
        """
        at_ms = self._clock.now_ms()
        self._sequence += 1
        told = self._document(at_ms, self._look(at_ms))
        # The start is part of the id: a process that comes back under its name counts from 1 again.
        event_id = f"{self._who.worker}:{self._started_ms}:{self._sequence}"
        self._publisher.publish(KIND, event_id, at_ms, self._who.worker, msgspec.json.encode(told))
        return told

    def _complain(self, reason: str, place: str) -> None:
        if self._is_heard:
            _log.warning("heartbeat_not_sent", reason=reason, place=place)
        self._is_heard = False

    def _document(self, at_ms: EpochMs, pulse: Pulse) -> HeartbeatDocument:
        who = self._who
        return {
            "role": who.role,
            "worker": who.worker,
            "version": who.version,
            "pack": who.pack,
            "at": to_rfc3339(at_ms),
            "started_at": to_rfc3339(self._started_ms),
            "sequence": self._sequence,
            "interval_seconds": self._every_s,
            "seconds_since_step": pulse.seconds_since_step,
            "parts": list(pulse.parts),
            "feeds": list(pulse.feeds),
            "due_backlog": pulse.due,
            "outbox": list(pulse.outbox),
        }


class PulseStore(Protocol):
    """Know how far everything is."""

    def positions(self) -> Mapping[str, Position]:
        """Tell how far every part is consumed."""

    def feeds(self) -> Mapping[str, EpochMs]:
        """Tell when each feed was last heard of."""

    def count_due(self, now_ms: EpochMs) -> int:
        """Count the assessments that are due now."""

    def count_waiting(self, sink: str) -> int:
        """Count the notices that a sink does not have yet."""

    def oldest_waiting_ms(self, sink: str) -> EpochMs | None:
        """Tell since when the oldest of them waits."""


@dataclass(frozen=True, slots=True)
class StorePulse:
    """Look a pulse up in the database.

    Shape: `lags` tells how many messages wait in the parts that this process consumes, and names them: other parts are left to
    those who consume them; None: all parts of the database are this process's, their lag is not known.
    """

    store: PulseStore
    sinks: Sequence[str]
    seconds_since_step: Callable[[], float]
    lags: Callable[[], Mapping[str, int]] | None = None

    def __call__(self, now_ms: EpochMs) -> Pulse:
        """Read how far everything is.

        Raises: TemporaryError where the database is away.
        """
        positions = self.store.positions()
        lags: Mapping[str, int | None] = self.lags() if self.lags else dict.fromkeys(positions)
        return Pulse(
            [_part(part, positions.get(part, Position()), lag) for part, lag in sorted(lags.items())],
            [
                {"feed": feed, "last_received_at": to_rfc3339(at_ms)}
                for feed, at_ms in sorted(self.store.feeds().items())
            ],
            [self._outbox(sink) for sink in self.sinks],
            self.store.count_due(now_ms),
            self.seconds_since_step(),
        )

    def _outbox(self, sink: str) -> OutboxDocument:
        oldest_ms = self.store.oldest_waiting_ms(sink)
        return {
            "sink": sink,
            "waiting": self.store.count_waiting(sink),
            "oldest_at": None if oldest_ms is None else to_rfc3339(oldest_ms),
        }


def _part(part: str, position: Position, lag: int | None) -> PartDocument:
    received = to_rfc3339(position.at_ms) if position.at_ms else None
    return {"part": part, "next": position.next, "lag": lag, "last_received_at": received}
