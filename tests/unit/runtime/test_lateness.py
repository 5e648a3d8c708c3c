"""What senders had to keep while somebody was away is under way, not missing."""

from __future__ import annotations

import pytest

from worker.model.time import HOUR_MS, MINUTE_MS
from worker.runtime.lateness import Lateness
from worker.storage.records import FeedClock

NOW = 1_790_000_000_000


def sent(written_h: float, received_h: float) -> dict[str, FeedClock]:
    """Say that a feed's last message was written and received so many hours from now."""
    return {"ward": FeedClock(NOW + round(written_h * HOUR_MS), NOW + round(received_h * HOUR_MS), 0)}


def behind_h(known: Lateness, hours: float = 0) -> float:
    at_ms = NOW + round(hours * HOUR_MS)
    return (at_ms - known.until_ms(at_ms)) / HOUR_MS


def test_who_was_never_away_awaits_nothing() -> None:
    known = Lateness()
    known.resume(NOW)
    known.note(sent(0, 0.01))
    assert behind_h(known, 0.02) == 0


@pytest.mark.parametrize(("since", "behind"), [(0, 8), (0.24, 8.24), (0.26, 0)])
def test_after_a_standstill_silence_is_not_believed_at_once(since: float, behind: float) -> None:
    known = Lateness(NOW - 8 * HOUR_MS)
    known.resume(NOW)
    known.resume(NOW + HOUR_MS)
    assert behind_h(known, since) == pytest.approx(behind)


def test_a_short_pause_is_no_standstill() -> None:
    known = Lateness(NOW - 9 * MINUTE_MS)
    known.resume(NOW)
    assert behind_h(known) == 0


def test_a_feed_that_delivers_what_it_kept_is_read_up_to_what_it_wrote_last() -> None:
    known = Lateness()
    known.note(sent(-6, 0))
    known.note(sent(-4, 0.1))
    assert behind_h(known, 0.1) == pytest.approx(4.1)
    known.note(sent(0.15, 0.2))
    assert behind_h(known, 0.2) == 0


def test_a_feed_that_fell_silent_in_between_is_idle_after_a_while() -> None:
    known = Lateness()
    known.note(sent(-6, 0))
    assert behind_h(known, 0.26) == 0


def test_a_feed_whose_messages_are_always_late_holds_nothing_up_for_ever() -> None:
    known = Lateness()
    for quarter in range(60):
        known.note(sent(quarter / 4 - 2, quarter / 4))
    assert behind_h(known, 14.75) == 0
