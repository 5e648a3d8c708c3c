"""Where received messages wait for ingest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from worker.model.message import RawMessage
from worker.model.time import EpochMs

Entry: TypeAlias = tuple[int, RawMessage]
"""A message and its offset."""


class Journal(Protocol):
    """Keep received messages in the order in which they were stored."""

    def append(self, messages: Sequence[RawMessage]) -> None:
        """Store messages durably, in this order, all or none.

        Raises: TemporaryError where nothing was stored.
        """

    def read(self, first: int, limit: int, max_size: int) -> Sequence[Entry]:
        """Read up to `limit` messages with offsets from `first` on, in order, and none after `max_size` bytes were read."""

    def trim(self, before: int, received_before_ms: EpochMs) -> None:
        """Drop messages below an offset that were received before an instant."""
