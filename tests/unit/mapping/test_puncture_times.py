"""When a lumbar puncture was, by the time of day that its note names."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from worker.mapping.puncture_times import time_of_day
from worker.model.time import ClinicalTime, Precision, from_rfc3339, to_rfc3339

NOTE = ClinicalTime(from_rfc3339("2026-01-05T16:00:00Z"), origin="TXA-4")


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ((14, 30), "2026-01-05T14:30:00Z"),
        ((16, 0), "2026-01-05T16:00:00Z"),
        ((4, 0), "2026-01-05T04:00:00Z"),
        # more than twelve hours before: half past two in the afternoon, or a slip
        ((2, 30), "2026-01-05T16:00:00Z"),
        # not yet when the note was sent
        ((17, 0), "2026-01-05T16:00:00Z"),
        ((16, 20), "2026-01-05T16:20:00Z"),
    ],
)
def test_a_time_of_day_is_the_last_one_before_the_note(clock: tuple[int, int], expected: str) -> None:
    found = time_of_day(clock, NOTE, from_rfc3339("2026-01-05T16:30:00Z"), UTC)
    assert to_rfc3339(found.start_ms) == expected
    is_read = found is not NOTE
    assert (found.origin, found.precision) == (
        ("TXA-4, text", Precision.MINUTE) if is_read else ("TXA-4", Precision.SECOND)
    )


def test_a_note_of_the_night_tells_of_the_evening_before() -> None:
    night = ClinicalTime(from_rfc3339("2026-01-06T00:30:00Z"))
    assert to_rfc3339(time_of_day((23, 10), night, None, UTC).start_ms) == "2026-01-05T23:10:00Z"


def test_a_version_that_was_sent_days_later_moves_nothing_beyond_half_a_day() -> None:
    found = time_of_day((23, 10), NOTE, from_rfc3339("2026-01-09T16:30:00Z"), UTC)
    assert to_rfc3339(found.start_ms) == "2026-01-05T23:10:00Z"
    early = ClinicalTime(from_rfc3339("2026-01-05T02:00:00Z"))
    assert to_rfc3339(time_of_day((15, 0), early, from_rfc3339("2026-01-09T16:30:00Z"), UTC).start_ms) == (
        "2026-01-04T15:00:00Z"
    )


def test_a_note_that_has_a_date_only_gets_its_time() -> None:
    day = ClinicalTime(from_rfc3339("2026-01-05T00:00:00Z"), Precision.DAY)
    found = time_of_day((14, 30), day, None, UTC)
    assert (to_rfc3339(found.start_ms), found.is_date_only) == ("2026-01-05T14:30:00Z", False)


def test_a_time_of_day_is_that_of_the_feed() -> None:
    found = time_of_day((14, 30), NOTE, None, ZoneInfo("Europe/Berlin"))
    assert to_rfc3339(found.start_ms) == "2026-01-05T13:30:00Z"


def test_without_a_time_of_day_the_note_keeps_its_own() -> None:
    assert time_of_day(None, NOTE, None, UTC) is NOTE
