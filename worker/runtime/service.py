"""What a role is made of, as the loop that serves it sees it: what listens, and what its threads do."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import structlog

from worker.runtime.metrics import Metrics
from worker.sources.reception import Reception

_log = structlog.get_logger(__name__)


def _well() -> str:
    return ""


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Job:
    """The work of one thread.

    Shape: `run` works until the event is set, then finishes what it promises to finish. `wake` makes it look at the event.
    `trouble` says why the process should be ended although the thread lives, `delay` what it waits for; "" when all is well.
    """

    name: str
    run: Callable[[Event], None]
    wake: Callable[[], None] = _nothing
    trouble: Callable[[], str] = _well
    delay: Callable[[], str] = _well


@dataclass(frozen=True, slots=True)
class Service:
    """A role as it is built; nothing listens or works yet.

    Shape: jobs begin in this order, and end in this order, one after the other, after the reception has ended. `not_ready` says
    why no messages should be sent to this process, beyond jobs that failed or wait. `close` lets go of stores and brokers.
    """

    jobs: tuple[Job, ...]
    metrics: Metrics
    close: Callable[[], None]
    reception: Reception | None = None
    not_ready: Callable[[], str] = _well
    pack_digest: str = ""


class JobThread:
    """Run a job beside the event loop; tell when it ended, and when it failed."""

    def __init__(self, job: Job, ended: asyncio.Event) -> None:
        """Keep the job; `start` begins, and `ended` is set when it works no more."""
        self._job = job
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._stop = Event()
        self._thread = Thread(target=self._work, name=job.name)
        self.failure = ""

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread works."""
        return self._thread.is_alive()

    @property
    def trouble(self) -> str:
        """Say what is wrong, "" when all is well."""
        if not self.is_alive:
            return f"the {self._job.name} has stopped"
        return self._job.trouble()

    @property
    def delay(self) -> str:
        """Say what it waits for, "" for nothing."""
        return self._job.delay()

    async def finish(self) -> None:
        """Let it work off what it has, and wait for its end."""
        self._stop.set()
        self._job.wake()
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        try:
            self._job.run(self._stop)
        except Exception as error:  # noqa: BLE001  the process ends with it; only the class of an error is told
            self.failure = type(error).__name__
            _log.error("job_failed", role=self._job.name, error=self.failure, place=where(error))
        self._loop.call_soon_threadsafe(self._ended.set)


def where(error: Exception) -> str:
    """Name the file and line in which an error was raised: its text may hold a patient's data, this does not."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
