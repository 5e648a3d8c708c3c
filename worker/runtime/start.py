"""Wait at the start for a broker or a database that is away, and say so once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Final, TypeVar

import structlog

from worker.model.errors import ConfigError, LpwatchError, TemporaryError
from worker.runtime.clock import Stopwatch

_log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

_PAUSE_S: Final = 1.0


class Stopped(Exception):  # noqa: N818  no error: somebody asked the process to end while it waited
    """The process is to end before it began to work."""


class Patience:
    """Try what may not work yet again and again.

    Shape: with `limit_s` None for ever. What no retry can help (a wrong password) ends the waiting, but only when it was said
    twice running: a broker that ends at the wrong moment looks like one that refuses.
    """

    def __init__(self, limit_s: float | None = None, *, pause_s: float = _PAUSE_S) -> None:
        """Begin to count the time."""
        self._limit_s = limit_s
        self._pause_s = pause_s
        self._stop = Event()
        self.waits_for = ""

    def stop(self) -> None:
        """Wait for nothing more; from any thread."""
        self._stop.set()

    def wait(self, attempt: Callable[[], Answer]) -> Answer:
        """Give what the attempt gives, as soon as it gives anything.

        Raises: ConfigError where no retry can help, TemporaryError where the time is over, Stopped where the process is to end.
        """
        watch, was_hopeless = Stopwatch(), False
        while True:
            try:
                answer = attempt()
            except ConfigError:
                if was_hopeless:
                    raise
                was_hopeless = True
            except TemporaryError as error:
                was_hopeless = False
                self._tell(error)
                if self._limit_s is not None and watch.seconds >= self._limit_s:
                    raise
            else:
                self._tell(None)
                return answer
            if self._stop.wait(self._pause_s):
                raise Stopped

    def _tell(self, error: LpwatchError | None) -> None:
        """Log the first of equal failures, and the end of waiting."""
        waits_for = "" if error is None else f"waiting for {error}"
        if error is None and self.waits_for:
            _log.info("waited_for", status="it answers")
        elif error is not None and waits_for != self.waits_for:
            _log.warning("waiting", reason=error.reason, place=error.place)
        self.waits_for = waits_for
