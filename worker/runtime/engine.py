"""The engine: ingest what the inlets hold, assess who is due, deliver what is to be told; one thread, one step at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import structlog
from msgspec import structs

from worker.alerts.routing import Outlet
from worker.model.errors import TemporaryError
from worker.model.message import RawMessage, Reading
from worker.model.time import EpochMs
from worker.runtime.assessor import AssessmentStore, Assessor, Judge, random_id
from worker.runtime.cleaning import Cleaning, CleaningStore, Retention
from worker.runtime.clock import Clock, MessageClock, Stopwatch
from worker.runtime.consumption import Consumption, ConsumptionStore
from worker.runtime.dead_letters import DeadLetters
from worker.runtime.delivery import Delivered, Delivery, Outbox, Sink
from worker.runtime.inlet import Inlet, Parcel, Room
from worker.runtime.journal import Entry
from worker.runtime.pack_in_use import PackInUse, PackStore
from worker.runtime.progress import PositionStore, Progress
from worker.storage.records import Assessed

_log = structlog.get_logger(__name__)

_TURN_S = 0.02
_HELD_UP_S = 0.02
_FINISH_S = 10.0


class Program(Judge, Protocol):
    """What the engine needs of the pack in use."""

    @property
    def long_lived(self) -> frozenset[str]:
        """Name the concepts whose facts are kept for the longest baseline."""

    def read(self, raw: RawMessage) -> Reading:
        """Read a message."""

    def message_time(self, raw: RawMessage) -> EpochMs | None:
        """Give the time that a message states of itself (MSH-7, `meta.lastUpdated`)."""

    def listen(self, last_heard: Callable[[], Mapping[str, EpochMs]], now_ms: EpochMs) -> None:
        """Learn which feeds are silent, from when each was last heard of."""


class StateStore(
    PositionStore, ConsumptionStore, AssessmentStore, Outbox, CleaningStore, PackStore, Protocol
):
    """Keep everything but the journal."""

    def latest_ms(self) -> EpochMs:
        """Give the latest receipt time that was ingested from any part, 0 for none."""

    def feeds(self) -> Mapping[str, EpochMs]:
        """Tell when each feed was last heard of."""

    def commit(self) -> None:
        """Make everything durable now."""


@dataclass(frozen=True, slots=True)
class Options:
    """Say how the engine works.

    Shape: `room` bounds each ingest batch; with a message clock and `is_exact`, messages of different instants are never in
    one batch, so that each alert's history is what the stream tells: for one part only, several have no common order.
    `rounds` bounds the commits of assessments in one step, so that nobody who waits for messages is kept waiting for long.
    `outlets` are sinks that get notices which somebody else delivers; `dead_letters` go to a topic too where it is given.
    `worker_id` names this worker among those that share the store; by chance where it is empty.
    """

    room: Room = field(default_factory=Room)
    is_exact: bool = True
    rounds: int = 5
    worker_id: str = ""
    retention: Retention = field(default_factory=Retention)
    outlets: tuple[Outlet, ...] = ()
    dead_letters: DeadLetters | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did."""

    ingested: int = 0
    assessed: Assessed = field(default_factory=Assessed)
    delivered: Delivered = field(default_factory=Delivered)

    @property
    def is_idle(self) -> bool:
        """Tell whether there was nothing to do, now or in a moment: patients that another worker is at come next."""
        return not (self.ingested or self.assessed.due or self.assessed.busy or self.delivered.sent)

    @property
    def is_held_up(self) -> bool:
        """Tell whether all that is left to do are patients that another worker is at."""
        return bool(self.assessed.busy) and not (self.ingested or self.assessed.due or self.delivered.sent)


class Engine:
    """Consume inlets into a store with a pack, and send notices to sinks.

    With a `MessageClock` the time is what messages tell: before a message that moves the clock to T is ingested, timers due by
    T fire at their own instants; then its batch is ingested and assessed as of T. With any other clock, everything that
    waits is ingested and assessed as of now, and timers fire on an idle stream.
    """

    def __init__(
        self,
        inlets: Sequence[Inlet],
        store: StateStore,
        program: Program,
        clock: Clock,
        *,
        sinks: Sequence[Sink] = (),
        options: Options | None = None,
        new_id: Callable[[], str] = random_id,
    ) -> None:
        """Take up where the store stands."""
        self._inlets = tuple(inlets)
        self._store = store
        self._program = program
        self._clock = clock
        self._options = options or Options()
        self._progress = Progress(store, program.read, self._options.dead_letters)
        told = [*(Outlet(sink.name) for sink in sinks), *self._options.outlets]
        self._assessor = Assessor(store, program, sinks=told, new_id=new_id)
        self._delivery = Delivery(store, sinks)
        self._consumption = Consumption(store, inlets, self._progress)
        self._cleaning = Cleaning(
            store,
            inlets,
            self._options.retention,
            program.long_lived,
            self._options.worker_id or random_id(),
        )
        self._wake = threading.Event()
        if isinstance(clock, MessageClock):
            clock.observe(store.latest_ms())
        is_shared = any(inlet.is_shared for inlet in inlets)
        self._pack = PackInUse(store, program.digest, clock.now_ms(), is_shared=is_shared)

    def wake(self) -> None:
        """Say that there may be something to do; from any thread."""
        self._wake.set()

    def step(self) -> Step:
        """Ingest the next messages of each part, assess who is due, deliver what is to be told.

        Raises: TemporaryError where the store is away or busy; nothing was lost, the next step goes on.
        """
        if isinstance(self._clock, MessageClock) and not self._options.is_exact:
            self._clock.observe(self._store.latest_ms())
        asked_ms = self._clock.now_ms()
        parcels = [
            parcel
            for inlet in self._inlets
            for parcel in inlet.read(self._progress, self._options.room, asked_ms)
        ]
        if isinstance(self._clock, MessageClock):
            ingested, assessed = self._follow(parcels, self._clock)
        else:
            given = [(parcel.part, parcel.entries) for parcel in parcels]
            ingested = self._progress.take_all(given, self._options.room.messages)
            self._program.listen(self._store.feeds, self._clock.now_ms())
            assessed = self._assess(
                self._clock.now_ms(), self._consumption.until_ms(), rounds=self._options.rounds
            )
        now_ms = self._clock.now_ms()
        delivered = self._deliver(now_ms)
        self._cleaning.run(self._progress, now_ms, self._settled_ms(now_ms))
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

    def finish(self) -> None:
        """Take nothing more from others, and work off what only this process holds.

        Shape: where other workers share the store, for some seconds at most: they take over whoever is due.
        """
        for inlet in self._inlets:
            inlet.finish()
        if not any(inlet.is_shared for inlet in self._inlets):
            self.drain()
            return
        watch = Stopwatch()
        try:
            while watch.seconds < _FINISH_S and not self.step().is_idle:
                pass
            self._store.commit()
        except TemporaryError as error:
            _log.warning("left_to_others", reason=error.reason, place=error.place)

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
                    self._progress.resume()
                has_failed, is_idle = False, self._work()
            except TemporaryError as error:
                _log.warning("step_postponed", reason=error.reason, place=error.place)
                has_failed = True
                self._rest()
                self._wake.wait(retry_s)
            else:
                if is_idle:
                    self._wait(idle_s)
        self._store.commit()

    def _work(self) -> bool:
        """Step once; tell whether there was nothing to do."""
        step = self.step()
        if not step.is_idle:
            if step.is_held_up:
                self._wake.wait(_HELD_UP_S)
            return False
        self._store.commit()
        return True

    def _wait(self, seconds: float) -> None:
        """Wait for messages, at each inlet in turn where there are several."""
        if len(self._inlets) == 1:
            self._inlets[0].wait(seconds, self._wake)
            return
        watch = Stopwatch()
        while not self._wake.is_set() and watch.seconds < seconds:
            for inlet in self._inlets:
                inlet.wait(_TURN_S, self._wake)

    def _rest(self) -> None:
        for inlet in self._inlets:
            inlet.rest()

    def _follow(self, parcels: Sequence[Parcel], clock: MessageClock) -> tuple[int, Assessed]:
        """Ingest messages at the instants that they tell."""
        ingested, assessed = 0, self._fire_timers(clock.now_ms())
        for parcel in parcels:
            for at_ms, batch in self._batches(parcel, clock.now_ms()):
                assessed += self._fire_timers(batch[0][1].received_at_ms)
                clock.observe(at_ms)
                taken = self._progress.take(parcel.part, batch)
                assessed += self._assess(at_ms, at_ms)
                ingested += taken
                if taken < len(batch):
                    break
        return ingested, assessed

    def _batches(self, parcel: Parcel, latest_ms: EpochMs) -> list[tuple[EpochMs, list[Entry]]]:
        """Give the messages that are ingested together, with the instant of the last of them."""
        stamped: list[Entry] = []
        for offset, raw in parcel.entries:
            told_ms = self._program.message_time(raw)
            latest_ms = latest_ms if told_ms is None else max(latest_ms, told_ms)
            stamped.append((offset, structs.replace(raw, received_at_ms=latest_ms)))
        if not self._options.is_exact:
            return [(latest_ms, stamped)]
        batches = [(at_ms, list(group)) for at_ms, group in groupby(stamped, key=_received_at)]
        # More messages of the last instant may follow: they belong together.
        return batches if parcel.is_last or len(batches) == 1 else batches[:-1]

    def _assess(
        self, as_of_ms: EpochMs, consumed_until_ms: EpochMs, *, rounds: int | None = None
    ) -> Assessed:
        """Judge who is due, unless another pack is in use: then they wait for its workers."""
        if not self._pack.is_ours(as_of_ms):
            return Assessed()
        return self._assessor.run(as_of_ms, consumed_until_ms, rounds=rounds)

    def _fire_timers(self, until_ms: EpochMs) -> Assessed:
        """Assess at each instant at which somebody is due, in order, up to and including `until_ms`."""
        done = Assessed()
        while (
            self._pack.is_ours(until_ms)
            and (due_ms := self._store.next_due_ms()) is not None
            and due_ms <= until_ms
        ):
            done += self._assess(due_ms, due_ms)
            self._rest()
        return done

    def _settled_ms(self, now_ms: EpochMs) -> EpochMs:
        """Give the instant before which nothing received is awaited; a message clock stands at what is read."""
        if isinstance(self._clock, MessageClock):
            return now_ms
        return self._consumption.settled_ms(now_ms, self._options.retention.patience_ms)

    def _deliver(self, now_ms: EpochMs) -> Delivered:
        """Send notices, but none of which a crash could take back the alert."""
        if not self._delivery.has_sinks:
            return Delivered()
        self._store.commit()
        return self._delivery.run(now_ms)


def _received_at(entry: Entry) -> EpochMs:
    return entry[1].received_at_ms
