"""Up to when everything received is ingested: by this worker, by others, through whichever part it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from worker.model.time import EpochMs
from worker.runtime.clock import Stopwatch
from worker.runtime.inlet import Inlet
from worker.runtime.progress import Progress
from worker.storage.records import Position

_TELL_EVERY_S = 1.0


class ConsumptionStore(Protocol):
    """Share among workers how far each part is consumed."""

    def note_caught_up(self, parts: Mapping[str, EpochMs]) -> None:
        """Note that these parts were consumed to their end at these instants; never falls."""

    def positions(self) -> Mapping[str, Position]:
        """Tell how far every part is consumed; one that nobody ever consumed is missing."""


class Consumption:
    """Know up to when nothing is missing: a gap before it is a gap in what happened, after it perhaps one in what we read.

    What this worker consumes it knows itself; what it and others consumed the store says, which is asked once a second and told
    of our own as often. An answer that is a second old says less than is true, never more. What was known of a part once stays
    known, whoever consumes it: who read everything up to an instant has read it for good.

    What a sender had to keep while we or it were away is under way, and not missing: see `Lateness`.

    Shape: of parts that several workers may consume only their ends count, seen when nothing below was left to read. Receipt
    times of their messages do not: one that a producer stamped ahead would speak for hours of messages behind it.
    """

    def __init__(self, store: ConsumptionStore, inlets: Sequence[Inlet], progress: Progress) -> None:
        """Keep whom to ask."""
        self._store = store
        self._inlets = tuple(inlets)
        self._progress = progress
        self._told: dict[str, EpochMs] = {}
        self._floors: dict[str, EpochMs] = {}
        self._others: dict[str, EpochMs] = {}
        self._until_ms: EpochMs = 0
        self._parts: frozenset[str] = frozenset()
        self._asked: Stopwatch | None = None

    def until_ms(self) -> EpochMs:
        """Give the instant up to which everything received is ingested; 0 where nobody ever consumed one of the parts.

        Raises: TemporaryError where the store is away.
        """
        own: set[str] = set()
        shared: set[str] = set()
        for inlet in self._inlets:
            for part, at_ms in inlet.caught_up(self._progress).items():
                heard_ms, lateness = self._progress.position(part).at_ms, self._progress.lateness(part)
                if not inlet.is_shared:
                    lateness.resume(at_ms)
                self._raise(part, lateness.until_ms(at_ms if inlet.is_shared else max(at_ms, heard_ms)))
            (shared if inlet.is_shared else own).update(inlet.parts())
        self._share(frozenset(shared))
        self._until_ms = min((self._floors.get(part, 0) for part in own | shared), default=0)
        return self._until_ms

    def settled_ms(self, now_ms: EpochMs, patience_ms: int) -> EpochMs:
        """Give the instant before which nothing received is awaited any more, as far as known when we last asked.

        Shape: never later than `now_ms`. A part of ours is waited for at most `patience_ms`, also where nobody reads it; one
        that other workers of the store read, and we do not know, only while it was read within that time.
        """
        given_up_ms = now_ms - patience_ms
        others = [at_ms for at_ms in self._others.values() if at_ms >= given_up_ms]
        return min(now_ms, max(self._until_ms, given_up_ms), *others)

    def _raise(self, part: str, at_ms: EpochMs) -> None:
        self._floors[part] = max(at_ms, self._floors.get(part, 0))

    def _share(self, parts: frozenset[str]) -> None:
        """Tell others of our parts, and hear of theirs, where it is time, or one came that we know nothing of."""
        if parts == self._parts and self._asked is not None and self._asked.seconds < _TELL_EVERY_S:
            return
        if parts:
            known = {part: self._floors.get(part, 0) for part in parts}
            if news := {part: at_ms for part, at_ms in known.items() if at_ms > self._told.get(part, 0)}:
                self._store.note_caught_up(news)
                self._told.update(news)
            for part, position in self._store.positions().items():
                if part in parts:
                    self._raise(part, position.caught_up_ms)
                    self._told[part] = max(position.caught_up_ms, self._told.get(part, 0))
                elif part not in self._floors:
                    self._others[part] = max(position.at_ms, position.caught_up_ms)
        self._asked, self._parts = Stopwatch(), parts
