"""Which feeds still send what they had to keep, after an outage of theirs or ours: what they have not sent yet is not missing.

While a worker was down, senders kept their messages. When it is back, its own journal is empty and everything in it is read:
silence would look like silence of the ward. So a part counts as read up to its last message for `SETTLING_MS` after such a
start, and while a feed delivers what it wrote long ago, up to what it wrote last. After `CHRONIC_MS` of that, a feed is taken
for one whose messages are always that late. The spans are house choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from worker.model.time import HOUR_MS, MINUTE_MS, EpochMs
from worker.storage.records import FeedClock

SETTLING_MS = 15 * MINUTE_MS
"""Within this span after a start senders have connected again; after it a feed that sent nothing since is idle."""
LATE_MS = 10 * MINUTE_MS
"""A message that is received so long after it was written was kept somewhere."""
CHRONIC_MS = 12 * HOUR_MS


@dataclass(slots=True)
class _Late:
    """One feed that delivers late: since when, and the last that it sent."""

    since_ms: EpochMs
    last: FeedClock


class Lateness:
    """What is known of one part."""

    def __init__(self, heard_ms: EpochMs = 0) -> None:
        """Take when the last message came that was read before this start, 0 where none ever was."""
        self._late: dict[str, _Late] = {}
        self._heard_ms = heard_ms
        self._resumed_ms: EpochMs = 0

    def resume(self, now_ms: EpochMs) -> None:
        """Note that we listen; the first time counts."""
        self._resumed_ms = self._resumed_ms or now_ms

    def note(self, clocks: Mapping[str, FeedClock]) -> None:
        """Note by feed when its messages were written and received."""
        for feed, clock in clocks.items():
            if clock.received_ms - clock.written_ms < LATE_MS:
                self._late.pop(feed, None)
            elif feed in self._late:
                self._late[feed].last = clock
            else:
                self._late[feed] = _Late(clock.received_ms, clock)

    def until_ms(self, at_ms: EpochMs) -> EpochMs:
        """Give up to when nothing is under way, as seen at `at_ms`: that instant, or less."""
        awaited = [
            late.last.written_ms
            for late in self._late.values()
            if at_ms - late.last.received_ms < SETTLING_MS and at_ms - late.since_ms < CHRONIC_MS
        ]
        was_away = self._heard_ms > 0 and self._resumed_ms - self._heard_ms >= LATE_MS
        if was_away and at_ms - self._resumed_ms < SETTLING_MS:
            awaited.append(self._heard_ms)
        return min(at_ms, *awaited) if awaited else at_ms
