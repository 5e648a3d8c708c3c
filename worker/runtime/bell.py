"""What wakes a relay: notices that somebody in this process, or elsewhere, has just written."""

from __future__ import annotations

from threading import Event
from typing import Protocol


class Bell(Protocol):
    """Wake one waiting thread; a ring while nobody waits is heard by the next wait."""

    def ring(self) -> None:
        """Wake who waits; from any thread."""

    def wait(self, seconds: float) -> None:
        """Wait until it is rung, notices may have been written, or the time is over."""

    def rest(self, seconds: float) -> None:
        """Wait until it is rung, or the time is over: notices that others write are no matter now."""

    def close(self) -> None:
        """Let go of what is held to hear of others."""


class ThreadBell:
    """A bell for one process: whoever writes notices rings it."""

    def __init__(self) -> None:
        """Start silent."""
        self._rung = Event()

    def ring(self) -> None:
        """Wake who waits; from any thread."""
        self._rung.set()

    def wait(self, seconds: float) -> None:
        """Wait until it is rung, or the time is over."""
        self._rung.wait(seconds)
        self._rung.clear()

    def rest(self, seconds: float) -> None:
        """Wait until it is rung, or the time is over."""
        self.wait(seconds)

    def close(self) -> None:
        """Do nothing: nothing is held."""
