"""When a lumbar puncture (LP) was, by the time of day that its note names: "LP performed at 14:30". Pure: no I/O, no clock."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import structs

from worker.model.time import HOUR_MS, Precision, to_datetime, to_ms

if TYPE_CHECKING:
    from datetime import tzinfo

    from worker.model.time import ClinicalTime, EpochMs

LONGEST_MS: Final = 12 * HOUR_MS
"""A note of an LP is written within this span after it, else its time of day is another day's, or lacks "pm" (house choice)."""


def time_of_day(
    clock: tuple[int, int] | None, note: ClinicalTime, sent_ms: EpochMs | None, zone: tzinfo
) -> ClinicalTime:
    """Return the last instant of that time of day that is not later than the note, or than when its version was sent.

    Shape: `note` where there is no time of day, or where that instant lies more than twelve hours from the note. A version that
    was sent later may name a time after the note's own, within the same twelve hours.
    """
    if clock is None:
        return note
    begun = to_datetime(note.start_ms).astimezone(zone)
    last_ms = note.latest_ms if note.is_date_only else note.start_ms
    if sent_ms is not None and not note.is_date_only:
        last_ms = max(last_ms, min(sent_ms, note.start_ms + LONGEST_MS))
    for days in (0, -1):
        moment = (begun + timedelta(days=days)).replace(
            hour=clock[0], minute=clock[1], second=0, microsecond=0
        )
        at_ms = to_ms(moment)
        if at_ms <= last_ms and (note.is_date_only or at_ms >= note.start_ms - LONGEST_MS):
            origin = f"{note.origin}, text"
            return structs.replace(
                note, start_ms=at_ms, end_ms=None, precision=Precision.MINUTE, origin=origin
            )
        if note.is_date_only:
            break
    return note
