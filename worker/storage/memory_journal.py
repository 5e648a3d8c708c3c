"""The in-memory twin of the journal."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile

from worker.model.message import RawMessage
from worker.model.time import EpochMs


class MemoryJournal:
    """Keep received messages in a list."""

    def __init__(self, messages: Iterable[RawMessage] = ()) -> None:
        """Start with these messages."""
        self._entries = [(offset, message) for offset, message in enumerate(messages, start=1)]
        self._end = len(self._entries) + 1

    def append(self, messages: Sequence[RawMessage]) -> None:
        """Store messages in this order."""
        self._entries.extend((self._end + index, message) for index, message in enumerate(messages))
        self._end += len(messages)

    def read(self, first: int, limit: int, max_size: int = sys.maxsize) -> tuple[tuple[int, RawMessage], ...]:
        """Read messages from an offset on, with their offsets, and none after `max_size` bytes were read."""
        start = bisect_left(self._entries, first, key=lambda entry: entry[0])
        entries = self._entries[start : start + limit]
        sizes = accumulate(len(message.body) for _, message in entries)
        fitting = sum(1 for _ in takewhile(lambda size: size < max_size, sizes))
        return tuple(entries[: fitting + 1])

    def trim(self, before: int, received_before_ms: EpochMs) -> None:
        """Drop messages below an offset that were received before an instant."""
        self._entries = [
            (offset, message)
            for offset, message in self._entries
            if offset >= before or message.received_at_ms >= received_before_ms
        ]

    def close(self) -> None:
        """Keep everything: the next reader is in this process."""
