"""How far each part is ingested: one `Ingest` for each part that this worker consumes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import structlog

from worker.model.errors import LpwatchError
from worker.model.message import RawMessage, Reading
from worker.runtime.dead_letters import DeadLetters
from worker.runtime.ingest import Ingest, IngestStore
from worker.runtime.journal import Entry
from worker.runtime.lateness import Lateness
from worker.storage.records import Position

_log = structlog.get_logger(__name__)


class PositionStore(IngestStore, Protocol):
    """Keep what ingest writes, and know all positions."""

    def positions(self) -> dict[str, Position]:
        """Tell how far every part is consumed; one that nobody ever consumed is missing."""

    def begin_position(self, part: str, next_: int) -> None:
        """Set the position of a part that nobody ever consumed; one that somebody did stays where it is."""

    def has_begun(self, source: str) -> bool:
        """Tell whether somebody began with the parts of a source, named `{source}:…`."""

    def begin_all(self, source: str, parts: Mapping[str, int]) -> bool:
        """Set the positions of all parts of a source at once; False, and nothing written, where somebody began with it."""

    def note_log(self, part: str, log: str) -> None:
        """Note in which log the position of a part counts, where nobody did."""


class Progress:
    """Know the positions, and move them by ingesting messages."""

    def __init__(
        self,
        store: PositionStore,
        read: Callable[[RawMessage], Reading],
        dead_letters: DeadLetters | None = None,
    ) -> None:
        """Keep the store, how a message is read, and who else gets dead letters; positions are asked for when needed."""
        self._store = store
        self._read = read
        self._dead_letters = dead_letters
        self._ingests: dict[str, Ingest] = {}

    def position(self, part: str) -> Position:
        """Tell how far a part is ingested, as far as this worker knows."""
        return self._ingest(part).position

    def lateness(self, part: str) -> Lateness:
        """Tell which feeds of a part are known to send late."""
        return self._ingest(part).lateness

    def forget(self, part: str) -> None:
        """Ask the store when this part is wanted again: another worker may consume it until then."""
        self._ingests.pop(part, None)

    def stored(self, part: str) -> Position | None:
        """Ask the store how far a part is consumed, whoever did it; None where nobody ever began.

        Raises: TemporaryError where the store is away.
        """
        found = self._store.positions().get(part)
        if found is not None:
            self._ingest(part).position = found
        return found

    def refresh(self, parts: Iterable[str]) -> None:
        """Ask the store how far these parts are consumed: an operator may have moved one.

        Raises: TemporaryError where the store is away.
        """
        found = self._store.positions()
        for part in parts:
            if part in found:
                self._ingest(part).position = found[part]

    def begin(self, part: str, first: int) -> None:
        """Begin with a part that nobody ever consumed, so that a restart goes on from here; no matter if somebody did.

        Raises: TemporaryError where the store is away.
        """
        self._store.begin_position(part, first)
        self._ingests.pop(part, None)

    def has_begun(self, source: str) -> bool:
        """Ask the store whether anybody began with a source before: then a part of it that has no position is new.

        Raises: TemporaryError where the store is away.
        """
        return self._store.has_begun(source)

    def begin_all(self, source: str, parts: Mapping[str, int]) -> None:
        """Begin with all parts of a source that nobody ever consumed, whoever will read them; no matter if somebody did.

        Raises: TemporaryError where the store is away.
        """
        self._store.begin_all(source, parts)

    def note_log(self, part: str, log: str) -> None:
        """Note in which log the position of a part counts, where nobody did.

        Raises: TemporaryError where the store is away.
        """
        self._store.note_log(part, log)

    def skip(self, part: str, next_: int) -> None:
        """Move the position of a part over offsets that hold no message."""
        self._ingest(part).skip(next_)

    def resume(self) -> None:
        """Ask the store again how far each part is consumed: after a failure nobody knows what was written.

        Raises: TemporaryError where the store is away.
        """
        for ingest in self._ingests.values():
            ingest.resume()

    def take(self, part: str, entries: Sequence[Entry]) -> int:
        """Ingest messages that begin at the position of their part; give how many were taken.

        Shape: fewer than given where somebody else moved the position.
        Raises: TemporaryError where nothing of the rest was written and a retry can help.
        """
        return self._ingest(part).take(entries)

    def take_all(self, parcels: Sequence[tuple[str, Sequence[Entry]]], limit: int) -> int:
        """Ingest messages of several parts, each as `take` does; give how many were taken.

        Shape: parts that together have no more than `limit` messages share one commit: it costs as much as reading many. Where
        one of their positions was moved, or a message cannot be written, each part is taken by itself.
        Raises: TemporaryError where nothing of the rest was written and a retry can help.
        """
        return sum([self._take_together(some) for some in _together(parcels, limit)])

    def _take_together(self, parcels: Sequence[tuple[str, Sequence[Entry]]]) -> int:
        if len(parcels) > 1 and self._write_together(parcels):
            return sum([len(entries) for _, entries in parcels])
        return sum([self.take(part, entries) for part, entries in parcels])

    def _write_together(self, parcels: Sequence[tuple[str, Sequence[Entry]]]) -> bool:
        batches = [self._ingest(part).draft(entries) for part, entries in parcels]
        try:
            is_written = self._store.record_all(batches)
        except LpwatchError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one message does to the store, it is found part by part
            _log.info("parts_taken_one_by_one", error=type(error).__name__)
            return False
        if is_written:
            for batch in batches:
                self._ingest(batch.part).written(batch)
        return is_written

    def _ingest(self, part: str) -> Ingest:
        known = self._ingests.get(part)
        if known is None:
            known = self._ingests[part] = Ingest(self._store, self._read, part, self._dead_letters)
        return known


def _together(
    parcels: Iterable[tuple[str, Sequence[Entry]]], limit: int
) -> Iterator[list[tuple[str, Sequence[Entry]]]]:
    """Give parcels in groups of no more than `limit` messages, one parcel at least."""
    group: list[tuple[str, Sequence[Entry]]] = []
    count = 0
    for parcel in parcels:
        if group and count + len(parcel[1]) > limit:
            yield group
            group, count = [], 0
        group.append(parcel)
        count += len(parcel[1])
    if group:
        yield group
