"""The engine: ingest what the journal holds, assess who is due, deliver what is to be told; one thread, one step at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import structlog
from msgspec import structs

from worker.model.errors import TemporaryError
from worker.model.message import RawMessage, Reading
from worker.model.time import DAY_MS, EpochMs
from worker.runtime.assessor import AssessmentStore, Assessor, Judge, random_id
from worker.runtime.clock import Clock, MessageClock
from worker.runtime.delivery import Delivered, Delivery, Outbox, Sink
from worker.runtime.ingest import Ingest, IngestStore
from worker.runtime.journal import Entry, Journal
from worker.storage.records import Assessed

_log = structlog.get_logger(__name__)


class Program(Judge, Protocol):
    """What the engine needs of the pack in use."""

    @property
    def long_lived(self) -> frozenset[str]:
        """Name the concepts whose facts are kept for the longest baseline."""

    def read(self, raw: RawMessage) -> Reading:
        """Read a message."""

    def message_time(self, raw: RawMessage) -> EpochMs | None:
        """Give the time that a message states of itself (MSH-7, `meta.lastUpdated`)."""


class StateStore(IngestStore, AssessmentStore, Outbox, Protocol):
    """Keep everything but the journal."""

    def commit(self) -> None:
        """Make everything durable now."""

    def use_pack(self, digest: str, now_ms: EpochMs) -> bool:
        """Remember the pack in use; where it changed, every standing LP becomes due."""

    def drop_recent(
        self, received_before_ms: EpochMs, long_concepts: Iterable[str], long_before_ms: EpochMs
    ) -> None:
        """Drop facts of patients without an LP that were received before these instants; few concepts stay longer."""

    def drop_over(self, anchored_before_ms: EpochMs) -> None:
        """Let go of patients whose last LP was before this instant and who have no recent facts."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Say how long things are kept.

    Shape: `recent_days` facts without an LP, `long_days` those of concepts with a 30-day baseline, `lp_days` the facts of
    an LP (longer than the longest window of any rule), `journal_days` messages that are ingested.
    """

    recent_days: int = 7
    long_days: int = 37
    lp_days: int = 120
    journal_days: int = 7


@dataclass(frozen=True, slots=True)
class Options:
    """Say how the engine works.

    Shape: `batch_size` is the largest number of messages in one ingest batch; with a message clock and `is_exact`, messages
    of different instants are never in one batch, so that each alert's history is what the stream tells.
    """

    batch_size: int = 500
    is_exact: bool = True
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did."""

    ingested: int = 0
    assessed: Assessed = field(default_factory=Assessed)
    delivered: Delivered = field(default_factory=Delivered)

    @property
    def is_idle(self) -> bool:
        """Tell whether there was nothing to do."""
        return not (self.ingested or self.assessed.due or self.delivered.sent)


class Engine:
    """Consume a journal into a store with a pack, and send notices to sinks.

    With a `MessageClock` the time is what messages tell: before a message that moves the clock to T is ingested, timers due by
    T fire at their own instants; then its batch is ingested and assessed as of T. With any other clock, everything that
    waits is ingested and assessed as of now, and timers fire on an idle stream.
    """

    def __init__(
        self,
        journal: Journal,
        store: StateStore,
        program: Program,
        clock: Clock,
        *,
        sinks: Sequence[Sink] = (),
        options: Options | None = None,
        new_id: Callable[[], str] = random_id,
    ) -> None:
        """Take up where the store stands."""
        self._journal = journal
        self._store = store
        self._program = program
        self._clock = clock
        self._options = options or Options()
        self._ingest = Ingest(store, program.read)
        self._assessor = Assessor(store, program, sinks=[sink.name for sink in sinks], new_id=new_id)
        self._delivery = Delivery(store, sinks)
        self._wake = threading.Event()
        self._is_caught_up = False
        self._cleaned_day = 0
        if isinstance(clock, MessageClock):
            clock.observe(self._ingest.position.at_ms)
        store.use_pack(program.digest, clock.now_ms())

    def wake(self) -> None:
        """Say that there may be something to do; from any thread."""
        self._wake.set()

    def step(self) -> Step:
        """Ingest the next messages, assess who is due, deliver what is to be told.

        Raises: TemporaryError where the store is away or busy; nothing was lost, the next step goes on.
        """
        asked_ms = self._clock.now_ms()
        entries = self._journal.read(self._ingest.position.next, self._options.batch_size)
        self._is_caught_up = len(entries) < self._options.batch_size
        if isinstance(self._clock, MessageClock):
            ingested, assessed = self._follow(entries, self._clock)
        else:
            ingested = self._ingest.take(entries)
            assessed = self._assessor.run(self._clock.now_ms(), self._consumed_until(asked_ms))
        now_ms = self._clock.now_ms()
        delivered = self._deliver(now_ms)
        self._clean(now_ms)
        return Step(ingested, assessed, delivered)

    def drain(self) -> int:
        """Step until nothing is left to do now; give how many messages were ingested."""
        ingested = 0
        while True:
            step = self.step()
            ingested += step.ingested
            if step.is_idle:
                self._store.commit()
                return ingested

    def advance(self, until_ms: EpochMs) -> Assessed:
        """Let the time of a message clock pass to an instant: timers due by then fire at their own instants."""
        if not isinstance(self._clock, MessageClock):
            return Assessed()
        done = self._fire_timers(until_ms)
        now_ms = self._clock.observe(until_ms)
        self._deliver(now_ms)
        return done

    def run(self, stop: threading.Event, *, idle_s: float = 0.2, retry_s: float = 1.0) -> None:
        """Step until `stop` is set, then finish the step under way; wait a little, or for `wake`, when idle."""
        has_failed = False
        while not stop.is_set():
            self._wake.clear()
            try:
                if has_failed:
                    self._ingest.resume()
                has_failed, wait_s = False, self._work(idle_s)
            except TemporaryError as error:
                _log.warning("step_postponed", reason=error.reason, place=error.place)
                has_failed, wait_s = True, retry_s
            if wait_s:
                self._wake.wait(wait_s)
        self._store.commit()

    def _work(self, idle_s: float) -> float:
        """Step once; tell how long to wait before the next."""
        if not self.step().is_idle:
            return 0
        self._store.commit()
        return idle_s

    def _follow(self, entries: Sequence[Entry], clock: MessageClock) -> tuple[int, Assessed]:
        """Ingest messages at the instants that they tell."""
        ingested, assessed = 0, self._fire_timers(clock.now_ms())
        for at_ms, batch in self._batches(entries, clock.now_ms()):
            assessed += self._fire_timers(batch[0][1].received_at_ms)
            clock.observe(at_ms)
            taken = self._ingest.take(batch)
            assessed += self._assessor.run(at_ms, at_ms)
            ingested += taken
            if taken < len(batch):
                break
        return ingested, assessed

    def _batches(self, entries: Sequence[Entry], latest_ms: EpochMs) -> list[tuple[EpochMs, list[Entry]]]:
        """Give the messages that are ingested together, with the instant of the last of them."""
        stamped: list[Entry] = []
        for offset, raw in entries:
            told_ms = self._program.message_time(raw)
            latest_ms = latest_ms if told_ms is None else max(latest_ms, told_ms)
            stamped.append((offset, structs.replace(raw, received_at_ms=latest_ms)))
        if not self._options.is_exact:
            return [(latest_ms, stamped)] if stamped else []
        batches = [(at_ms, list(group)) for at_ms, group in groupby(stamped, key=_received_at)]
        # More messages of the last instant may follow: they belong together.
        return batches if self._is_caught_up or len(batches) == 1 else batches[:-1]

    def _fire_timers(self, until_ms: EpochMs) -> Assessed:
        """Assess at each instant at which somebody is due, in order, up to and including `until_ms`."""
        done = Assessed()
        while (due_ms := self._store.next_due_ms()) is not None and due_ms <= until_ms:
            done += self._assessor.run(due_ms, due_ms)
        return done

    def _consumed_until(self, asked_ms: EpochMs) -> EpochMs:
        """Tell up to when everything received is ingested: what came after the journal was asked may not be."""
        return asked_ms if self._is_caught_up else self._ingest.position.at_ms

    def _deliver(self, now_ms: EpochMs) -> Delivered:
        """Send notices, but none of which a crash could take back the alert."""
        if not self._delivery.has_sinks:
            return Delivered()
        self._store.commit()
        return self._delivery.run(now_ms)

    def _clean(self, now_ms: EpochMs) -> None:
        """Drop what is too old, once a day."""
        today, kept = now_ms // DAY_MS, self._options.retention
        if today <= self._cleaned_day:
            return
        self._cleaned_day = today
        self._store.drop_recent(
            now_ms - kept.recent_days * DAY_MS, self._program.long_lived, now_ms - kept.long_days * DAY_MS
        )
        self._store.drop_over(now_ms - kept.lp_days * DAY_MS)
        self._journal.trim(self._ingest.position.next, now_ms - kept.journal_days * DAY_MS)


def _received_at(entry: Entry) -> EpochMs:
    return entry[1].received_at_ms
