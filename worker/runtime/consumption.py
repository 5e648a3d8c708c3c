"""Up to when everything received is ingested: by this worker, by others, through whichever part it came."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from worker.model.time import EpochMs
from worker.runtime.clock import Stopwatch
from worker.runtime.inlet import Inlet
from worker.runtime.progress import Progress

_TELL_EVERY_S = 1.0


class ConsumptionStore(Protocol):
    """Share among workers how far each part is consumed."""

    def note_caught_up(self, parts: Mapping[str, EpochMs]) -> None:
        """Note that these parts were consumed to their end at these instants; never falls."""

    def consumed_until(self, parts: Collection[str]) -> EpochMs:
        """Tell up to when all these parts are consumed; 0 where nobody ever consumed one of them."""


class Consumption:
    """Know up to when nothing is missing: a gap before it is a gap in what happened, after it perhaps one in what we read.

    What this worker consumes it knows itself; for parts of others it asks the store once a second, and tells the store of its
    own as often. An answer that is a second old says less than is true, never more.
    """

    def __init__(self, store: ConsumptionStore, inlets: Sequence[Inlet], progress: Progress) -> None:
        """Keep whom to ask."""
        self._store = store
        self._inlets = tuple(inlets)
        self._progress = progress
        self._told: dict[str, EpochMs] = {}
        self._others: frozenset[str] = frozenset()
        self._others_ms: EpochMs = 0
        self._asked: Stopwatch | None = None

    def until_ms(self) -> EpochMs:
        """Give the instant up to which everything received is ingested.

        Raises: TemporaryError where the store is away.
        """
        known: dict[str, EpochMs] = {}
        shared: dict[str, EpochMs] = {}
        others: set[str] = set()
        for inlet in self._inlets:
            caught_up = inlet.caught_up(self._progress)
            known.update(
                (part, max(at_ms, self._progress.position(part).at_ms)) for part, at_ms in caught_up.items()
            )
            if inlet.is_shared:
                shared.update(caught_up)
                others.update(part for part in inlet.parts() if part not in caught_up)
        return min([*known.values(), *self._ask(shared, frozenset(others))], default=0)

    def _ask(self, shared: Mapping[str, EpochMs], others: frozenset[str]) -> list[EpochMs]:
        is_time = self._asked is None or self._asked.seconds >= _TELL_EVERY_S
        if is_time:
            self._asked = Stopwatch()
            news = {part: at_ms for part, at_ms in shared.items() if at_ms > self._told.get(part, 0)}
            if news:
                self._store.note_caught_up(news)
                self._told.update(news)
        if is_time or others != self._others:
            self._others_ms = self._store.consumed_until(others) if others else 0
            self._others = others
        return [self._others_ms] if others else []
