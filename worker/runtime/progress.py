"""How far each part is ingested: one `Ingest` for each part that this worker consumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from worker.model.message import RawMessage, Reading
from worker.model.time import EpochMs
from worker.runtime.dead_letters import DeadLetters
from worker.runtime.ingest import Ingest, IngestStore
from worker.runtime.journal import Entry
from worker.storage.records import Position


class Progress:
    """Know the positions, and move them by ingesting messages."""

    def __init__(
        self,
        store: IngestStore,
        read: Callable[[RawMessage], Reading],
        dead_letters: DeadLetters | None = None,
    ) -> None:
        """Keep the store, how a message is read, and who else gets dead letters; positions are asked for when needed."""
        self._store = store
        self._read = read
        self._dead_letters = dead_letters
        self._ingests: dict[str, Ingest] = {}

    @property
    def latest_ms(self) -> EpochMs:
        """Give the latest receipt time that was ingested from any part known here, 0 for none."""
        return max((ingest.position.at_ms for ingest in self._ingests.values()), default=0)

    def position(self, part: str) -> Position:
        """Tell how far a part is ingested, as far as this worker knows."""
        return self._ingest(part).position

    def forget(self, part: str) -> None:
        """Ask the store when this part is wanted again: another worker may consume it until then."""
        self._ingests.pop(part, None)

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

    def _ingest(self, part: str) -> Ingest:
        known = self._ingests.get(part)
        if known is None:
            known = self._ingests[part] = Ingest(self._store, self._read, part, self._dead_letters)
        return known
