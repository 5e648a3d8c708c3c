"""Play a ward into an embedded worker over real MLLP, and tell an audience what comes of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import msgspec

from worker.model.errors import TemporaryError
from worker.runtime.bootstrap import NOTICES, Parts
from worker.runtime.clock import Stopwatch
from worker.runtime.service import JobThread
from worker.simulate.mllp_client import MllpClient

if TYPE_CHECKING:
    from worker.model.time import EpochMs
    from worker.simulate.happenings import Written
    from worker.simulate.pace import Pace

POLL_S: Final = 0.2


class Identifier(msgspec.Struct):
    """One identifier in a notice."""

    value: str
    type: str = ""


class Evidence(msgspec.Struct):
    """One value or statement in a notice."""

    concept: str
    value: float | str | None = None
    unit: str = ""
    effective_at: str = ""
    hours_since_lp: float = 0.0


class Rule(msgspec.Struct):
    """The rule of a notice."""

    id: str
    title: str = ""
    status: str = ""


class Puncture(msgspec.Struct):
    """The lumbar puncture of a notice."""

    at: str
    hours_at_evidence: float = 0.0


class Alert(msgspec.Struct):
    """As much of a rendered alert as an audience sees."""

    alert_id: str
    version: int
    state: str
    severity: str
    reason: str
    patient: list[Identifier]
    lp: Puncture
    rule: Rule
    evidence: list[Evidence]
    updated_at: str


class Notice(msgspec.Struct):
    """One line of the file of notices."""

    id: str
    alert: Alert


@dataclass(slots=True)
class Scene:
    """What there is to see: the ward's time, what was sent and accepted, and the notices since the last look.

    Shape: `alerts` holds the newest version of every alert, in the order of the first; `news` only what is new.
    """

    now_ms: EpochMs
    elapsed_s: float = 0.0
    sent: int = 0
    accepted: int = 0
    alerts: dict[str, Alert] = field(default_factory=dict)
    news: tuple[Alert, ...] = ()
    failure: str = ""

    @property
    def open_alerts(self) -> tuple[Alert, ...]:
        """Return the alerts that still ask for something."""
        return tuple(alert for alert in self.alerts.values() if alert.state in _OPEN)


_OPEN = frozenset({"raised", "updated", "escalated", "acknowledged"})


class Sender:
    """Send messages when they are due, on a thread of its own."""

    def __init__(self, messages: Iterator[Written], pace: Pace, watch: Stopwatch) -> None:
        """Keep what is to be sent; `start` begins."""
        self._messages = messages
        self._pace = pace
        self._watch = watch
        self._stop = Event()
        self._thread: Thread | None = None
        self._client: MllpClient | None = None
        self.failure = ""

    def start(self, host: str, port: int) -> None:
        """Connect, and begin to send.

        Raises: TemporaryError where nobody listens.
        """
        self._client = MllpClient(host, port, window=1)
        self._thread = Thread(target=self._work, args=(self._client,), name="ward", daemon=True)
        self._thread.start()

    @property
    def counts(self) -> tuple[int, int]:
        """Return how many messages were sent, and how many accepted."""
        sent = None if self._client is None else self._client.sent
        return (0, 0) if sent is None else (sent.messages, sent.accepted)

    async def finish(self) -> None:
        """Stop sending."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        if self._client is not None:
            self._client.close()

    def _work(self, client: MllpClient) -> None:
        try:
            for written in self._messages:
                wait_s = self._pace.due_s(written.received_at_ms) - self._watch.seconds
                if self._stop.wait(max(wait_s, 0.0)):
                    return
                client.send(written.body)
        except TemporaryError as error:
            self.failure = error.reason


class Tail:
    """Read a file of notices as it grows."""

    def __init__(self, path: Path) -> None:
        """Keep the path; the file need not be there yet."""
        self._path = path
        self._position = 0
        self._decoder = msgspec.json.Decoder(Notice)

    def read(self) -> Iterator[Alert]:
        """Give the alerts of whole lines that were written since the last time."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._position += len(whole)
        for line in whole.splitlines():
            yield self._decoder.decode(line).alert


@dataclass(frozen=True, slots=True)
class Play:
    """What is played, how fast, and for how long (None: until it is stopped)."""

    messages: Iterator[Written]
    pace: Pace
    seconds: float | None


async def perform(play: Play, parts: Parts, data: Path, show: Callable[[Scene], None]) -> Scene:
    """Play the ward until its time is over or a signal comes; `show` is called a few times a second.

    Shape: gives the last scene. The order of the end is that of the worker: nothing more is sent, nothing more accepted,
    what is stored is worked off.
    """
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    watch = Stopwatch()
    engine, tail = JobThread(parts.job, ending), Tail(data / NOTICES)
    sender = Sender(play.messages, play.pace, watch)
    scene = Scene(play.pace.start_ms)
    host, port = (await parts.reception.start())["mllp"]
    engine.start()
    try:
        sender.start(host, port)
        while not ending.is_set() and engine.is_alive and not sender.failure:
            _look(scene, watch, play, sender, tail)
            show(scene)
            if play.seconds is not None and watch.seconds >= play.seconds:
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), POLL_S)
    finally:
        await sender.finish()
        await parts.reception.drain()
        await engine.finish()
    _look(scene, watch, play, sender, tail)
    scene.failure = engine.failure or sender.failure
    show(scene)
    return scene


def _look(scene: Scene, watch: Stopwatch, play: Play, sender: Sender, tail: Tail) -> None:
    scene.elapsed_s = watch.seconds
    scene.now_ms = play.pace.instant_ms(scene.elapsed_s)
    scene.sent, scene.accepted = sender.counts
    scene.news = tuple(tail.read())
    for alert in scene.news:
        scene.alerts[alert.alert_id] = alert
