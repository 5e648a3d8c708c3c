"""Places that take nothing now are left alone for a while, longer each time."""

from __future__ import annotations

from collections.abc import Callable

from worker.runtime.clock import Stopwatch
from worker.runtime.lease import Watch

_LONGEST_S = 10.0
_MAX_DOUBLINGS = 10


def rest_s(failures: int) -> float:
    """Give how long to rest after so many failures in a row: a second, doubled each time, at most ten seconds."""
    return min(2.0 ** min(failures - 1, _MAX_DOUBLINGS), _LONGEST_S)


class Resting:
    """Remember which places rest."""

    def __init__(self, watch: Callable[[], Watch] = Stopwatch) -> None:
        """Start with none."""
        self._new_watch = watch
        self._failures: dict[str, int] = {}
        self._since: dict[str, Watch] = {}

    @property
    def places(self) -> frozenset[str]:
        """Give the places that rest now."""
        return frozenset(
            place for place, since in self._since.items() if since.seconds < rest_s(self._failures[place])
        )

    def begin(self, place: str) -> None:
        """Let a place rest that failed."""
        self._failures[place] = self._failures.get(place, 0) + 1
        self._since[place] = self._new_watch()

    def end(self, place: str) -> None:
        """Note that a place works."""
        self._failures.pop(place, None)
        self._since.pop(place, None)
