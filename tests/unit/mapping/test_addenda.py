"""When an addendum was written, by its heading."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from worker.mapping.addenda import time_under
from worker.model.time import ClinicalTime, from_rfc3339, to_rfc3339
from worker.notes.text import words_of

LP = ClinicalTime(from_rfc3339("2026-01-05T11:00:00Z"), origin="TXA-4")
SENT = "2026-01-09T12:00:00Z"


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("day 2", "2026-01-07T11:00:00Z"),
        ("3 days post LP", "2026-01-08T11:00:00Z"),
        ("day 1 14:30", "2026-01-06T14:30:00Z"),
        ("06/01", "2026-01-06T11:00:00Z"),
        ("06/01/2026 at 14:30", "2026-01-06T14:30:00Z"),
        ("01/06", "2026-01-06T11:00:00Z"),
        ("on 7 Jan", "2026-01-07T11:00:00Z"),
        ("January 7th", "2026-01-07T11:00:00Z"),
        ("18:15", "2026-01-05T18:15:00Z"),
        ("day 6", SENT),
        ("day 0", "2026-01-05T11:00:00Z"),
        ("09:15", "2026-01-05T11:00:00Z"),
        ("04/01", "2026-01-05T11:00:00Z"),
        ("31/02", "2026-01-05T11:00:00Z"),
        ("day 4711", "2026-01-05T11:00:00Z"),
        ("Tuesday", "2026-01-05T11:00:00Z"),
        ("", "2026-01-05T11:00:00Z"),
    ],
)
def test_a_heading_that_names_a_later_time_is_believed(heading: str, expected: str) -> None:
    found = time_under(words_of(heading), LP, from_rfc3339(SENT), UTC)
    assert to_rfc3339(found.start_ms) == expected
    assert found.origin == ("TXA-4" if found.start_ms == LP.start_ms else "TXA-4, heading")


def test_a_time_of_day_is_that_of_the_feed() -> None:
    found = time_under(words_of("day 1 14:30"), LP, from_rfc3339(SENT), ZoneInfo("Europe/Berlin"))
    assert to_rfc3339(found.start_ms) == "2026-01-06T13:30:00Z"


def test_an_addendum_around_new_year_is_of_the_next_year() -> None:
    lp = ClinicalTime(from_rfc3339("2025-12-30T11:00:00Z"))
    found = time_under(words_of("2 Jan"), lp, from_rfc3339(SENT), UTC)
    assert to_rfc3339(found.start_ms) == "2026-01-02T11:00:00Z"


@pytest.mark.parametrize("sent", [None, "2026-01-05T11:00:00Z", "2026-01-04T00:00:00Z"])
def test_nothing_is_later_than_its_version(sent: str | None) -> None:
    assert time_under(words_of("day 2"), LP, from_rfc3339(sent) if sent else None, UTC) is LP
