"""Hold a lease of the database, and know by one's own watch for how long it surely lasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from worker.runtime.clock import Stopwatch

_RENEW_AFTER = 1 / 3


class LeaseStore(Protocol):
    """Grant leases by a clock that all see alike."""

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take a lease that is free or over, or renew one's own; False where somebody else has it."""

    def release(self, name: str, owner: str) -> None:
        """Give up a lease; somebody else's stays."""


class Watch(Protocol):
    """Measure the time since it was made."""

    @property
    def seconds(self) -> float:
        """Give the seconds since the start."""


class HeldLease:
    """Take a lease, renew it well before it ends, and notice when it has run out.

    It is counted from before the database was asked, so that it ends here earlier than there, whatever the two clocks say.
    """

    def __init__(
        self,
        store: LeaseStore,
        name: str,
        owner: str,
        seconds: float,
        watch: Callable[[], Watch] = Stopwatch,
    ) -> None:
        """Keep what is leased by whom; `owner` must be new for each process, so that a restart waits for the end."""
        self._store = store
        self._name = name
        self._owner = owner
        self._new_watch = watch
        self._held: Watch | None = None
        self.seconds = seconds
        self.term = 0

    @property
    def is_held(self) -> bool:
        """Tell whether nobody else can have it at this moment."""
        return self._held is not None and self._held.seconds < self.seconds

    def keep(self, needed_s: float) -> bool:
        """Take or renew it; tell whether it surely lasts for so long from now.

        Shape: `term` counts how often it was taken after it was not held, also where nobody else had it in between.
        Raises: TemporaryError where the database cannot be asked; what is held lasts as long as it did.
        """
        if not self.is_held or (self._held and self._held.seconds > self.seconds * _RENEW_AFTER):
            asked = self._new_watch()
            if not self._store.lease(self._name, self._owner, self.seconds):
                self._held = None
                return False
            # Asked again now: this process may have slept while it asked.
            if not self.is_held:
                self.term += 1
            self._held = asked
        return self._held is not None and self._held.seconds + needed_s < self.seconds

    def give_back(self) -> None:
        """Let others have it at once."""
        self._held = None
        self._store.release(self._name, self._owner)
