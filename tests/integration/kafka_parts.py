"""A worker's engine over Kafka, without a process around it, for tests that stop and break things between two steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from kafka import KafkaProducer

from worker.model.errors import TemporaryError
from worker.model.fact import Fact
from worker.model.message import Form, Outcome, OutcomeKind, RawMessage, Reading
from worker.pipeline import Assessment
from worker.rules.blind import BlindSpot
from worker.runtime.clock import WallClock
from worker.runtime.engine import Engine, Options, StateStore
from worker.runtime.inlet import Room
from worker.runtime.kafka_inlet import BACKLOG_BYTES, KafkaInlet
from worker.runtime.progress import Progress
from worker.sources.kafka import KafkaSource
from worker.storage.state import SqlState

PATIENCE_S = 100.0  # less than `max_poll_interval_ms`, which mends some of the faults that are looked for
FAST: Mapping[str, object] = {
    "heartbeat_interval_ms": 300,
    "session_timeout_ms": 6_000,
    "metadata_max_age_ms": 1_000,
    "reconnect_backoff_max_ms": 500,
    "fetch_max_wait_ms": 50,
}


def hl7(number: int) -> bytes:
    return f"MSH|^~\\&|LAB|WARD|||20260901120000||ORU^R01|{number}|P|2.5\rPID|1||M{number % 7}^^^WARD^MR\r".encode()


class Plain:
    """A pack that takes every message for processed and knows no rule."""

    digest = "plain"
    opening = frozenset[str]()
    rules = frozenset[str]()
    long_lived = frozenset[str]()

    def __init__(self) -> None:
        self.read_messages: list[RawMessage] = []

    def read(self, raw: RawMessage) -> Reading:
        self.read_messages.append(raw)
        return Reading(Outcome(OutcomeKind.PROCESSED), "plain")

    def message_time(self, _raw: RawMessage) -> int | None:
        return None

    def listen(self, _last_heard: object, _now_ms: int) -> None:
        pass

    def assess(
        self, _facts: Sequence[Fact], _as_of_ms: int, _consumed_until_ms: int, _who: object = ()
    ) -> Assessment:
        return Assessment()

    def find_blind_spots(self, _found: Assessment, _unused: object) -> dict[int, tuple[BlindSpot, ...]]:
        return {}


@dataclass
class Heard:
    """What a metric would show."""

    lag: dict[str, int | None] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    rebalances: int = 0

    def rebalanced(self) -> None:
        self.rebalances += 1

    def lagging(self, part: str, messages: int | None) -> None:
        self.lag[part] = messages

    def stopped(self, part: str, *, is_stopped: bool) -> None:
        (self.stuck.add if is_stopped else self.stuck.discard)(part)


class Worker:
    """An engine with its inlet and its store."""

    def __init__(  # noqa: PLR0913 - named settings, each with a default
        self,
        bootstrap: str,
        group: str,
        topics: Mapping[str, Form],
        store: StateStore | str,
        program: object | None = None,
        *,
        room: Room | None = None,
        is_from_end: bool = False,
        backlog_bytes: int = BACKLOG_BYTES,
        **options: object,
    ) -> None:
        self._own = SqlState(store) if isinstance(store, str) else None
        self.store = store = self._own or store
        self.program = program or Plain()
        given = {"bootstrap_servers": bootstrap, **FAST, **options}
        self.source = KafkaSource(given, group, list(topics), fetched_bytes=backlog_bytes)
        self.heard = Heard()
        self.inlet = KafkaInlet(
            self.source,
            topics,
            WallClock(),
            self.heard,
            is_from_end=is_from_end,
            backlog_bytes=backlog_bytes,
        )
        chosen = Options(room or Room(), is_exact=False)
        self.engine = Engine([self.inlet], store, self.program, WallClock(), options=chosen)
        self._stop = Event()
        self._thread: Thread | None = None

    def until(self, is_done: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Step until something is true; what a role's loop does with errors is done here."""
        deadline = time.monotonic() + patience_s
        while not is_done():
            assert time.monotonic() < deadline, "it never came"
            if self._try_step():
                self.inlet.wait(0.05, Event())

    def steps(self, count: int) -> None:
        """Step so often, without waiting for messages in between."""
        for _ in range(count):
            self._try_step()

    def _try_step(self) -> bool:
        """Step, and tell whether there was nothing to do."""
        try:
            return self.engine.step().is_idle
        except TemporaryError:
            self.inlet.rest()
            time.sleep(0.1)
            with suppress(TemporaryError):
                self.engine._progress.resume()
        return False

    def start(self) -> Worker:
        """Work on a thread of its own until `end`."""
        # A test that fails before `end` must not keep the run from ending.
        self._thread = Thread(
            target=self.engine.run, args=(self._stop,), kwargs={"retry_s": 0.2}, daemon=True
        )
        self._thread.start()
        return self

    def end(self) -> None:
        """Stop and let go of everything; no matter how often."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_S)
        self.inlet.close()
        if self._own is not None:
            self._own.close()

    @property
    def progress(self) -> Progress:
        return self.engine._progress

    @property
    def owned(self) -> set[str]:
        # In one go: the thread of a worker that was started lets partitions come and go meanwhile.
        return {lane.name for lane in list(self.inlet._lanes.values()) if lane.is_placed}


def send(
    bootstrap: str,
    topic: str,
    bodies: Sequence[bytes | None],
    *,
    headers: Sequence[tuple[str, bytes]] = (),
    partition: int | None = None,
    key: bytes | None = None,
    **options: object,
) -> None:
    with closing(KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, **options)) as producer:
        sent = [
            producer.send(topic, body, headers=list(headers), partition=partition, key=key) for body in bodies
        ]
        for each in sent:
            each.get(PATIENCE_S)


def ended(store: SqlState, kind: OutcomeKind = OutcomeKind.PROCESSED) -> int:
    return sum(n for key, n in store.counts().items() if key.stage == kind.value)


def reasons(store: SqlState, kind: OutcomeKind) -> dict[str, int]:
    return {key.reason: n for key, n in store.counts().items() if key.stage == kind.value}
