"""Where the engine takes messages from: an inlet has one part or more, and each part is read in its order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from worker.model.time import EpochMs
from worker.runtime.ingest import JOURNAL
from worker.runtime.journal import Entry, Journal
from worker.runtime.progress import Progress


@dataclass(frozen=True, slots=True)
class Room:
    """How much one batch may hold: the first message always fits, whatever its size."""

    messages: int = 500
    size: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parcel:
    """Messages of one part that are ingested together.

    Shape: `entries` begin at the position of the part, at least one. `is_last` tells that no more waited when it was read.
    """

    part: str
    entries: Sequence[Entry]
    is_last: bool


class Inlet(Protocol):
    """Give messages, and tell how far there was something to give; used by the engine's thread.

    Positions belong to the store: an inlet asks `progress` where each part stands, and gives the same messages again until it
    moved. So a batch that failed, or that somebody else ingested, needs no word to the inlet.
    """

    @property
    def is_shared(self) -> bool:
        """Tell whether other workers may consume some of the parts."""

    def parts(self) -> Collection[str]:
        """Name all parts, also those that other workers consume."""

    def read(self, progress: Progress, room: Room, asked_ms: EpochMs) -> Sequence[Parcel]:
        """Read what comes next, at most one parcel for each part; `asked_ms` is the time of the engine's clock now."""

    def caught_up(self, progress: Progress) -> Mapping[str, EpochMs]:
        """Tell for each part that this worker consumes up to when it is known to be ingested to its end, 0 for not at all."""

    def wait(self, seconds: float, woken: Event) -> None:
        """Wait until there may be messages, `woken` is set, or the time is over."""

    def rest(self) -> None:
        """Stay connected, without taking anything: the store is away, or assessments take their time."""

    def trim(self, progress: Progress, received_before_ms: EpochMs) -> None:
        """Let go of ingested messages that were received before an instant."""

    def finish(self) -> None:
        """Take nothing more from others; what only this process holds is still given."""


class JournalInlet:
    """The journal of this data folder: one part, consumed by this worker alone."""

    is_shared = False

    def __init__(self, journal: Journal, part: str = JOURNAL) -> None:
        """Keep the journal, and the name of the part in the store."""
        self._journal = journal
        self._part = part
        self._caught_up_ms: EpochMs = 0

    def parts(self) -> Collection[str]:
        """Name the one part."""
        return (self._part,)

    def read(self, progress: Progress, room: Room, asked_ms: EpochMs) -> Sequence[Parcel]:
        """Read what was stored since."""
        first = progress.position(self._part).next
        entries = self._journal.read(first, room.messages, room.size)
        is_last = len(entries) < room.messages and sum([len(raw.body) for _, raw in entries]) < room.size
        self._caught_up_ms = asked_ms if is_last else 0
        return [Parcel(self._part, entries, is_last)] if entries else []

    def caught_up(self, _progress: Progress) -> Mapping[str, EpochMs]:
        """Tell when the journal was last asked for more than it held: what came after may not be ingested."""
        return {self._part: self._caught_up_ms}

    def wait(self, seconds: float, woken: Event) -> None:
        """Wait until whoever stores messages says so."""
        woken.wait(seconds)

    def rest(self) -> None:
        """Do nothing: a file stays where it is."""

    def trim(self, progress: Progress, received_before_ms: EpochMs) -> None:
        """Drop ingested messages that were received before an instant."""
        self._journal.trim(progress.position(self._part).next, received_before_ms)

    def finish(self) -> None:
        """Do nothing: what was acknowledged is ingested before the end."""
