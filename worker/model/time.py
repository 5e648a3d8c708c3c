"""Instants on the hot path, and the one place that converts them. Pure: no I/O, no clock.

Inside the worker an instant is `EpochMs`, an `int` of milliseconds since 1970-01-01T00:00Z. Aware `datetime` values
exist only where people or standards read them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TypeAlias

import msgspec

EpochMs: TypeAlias = int
"""Milliseconds since 1970-01-01T00:00Z."""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Precision(IntEnum):
    """State how exactly a source gave a time; a larger value is more exact."""

    YEAR = 1
    MONTH = 2
    DAY = 3
    MINUTE = 4
    SECOND = 5
    MILLISECOND = 6


_SPAN_MS = {
    Precision.YEAR: 366 * DAY_MS,
    Precision.MONTH: 31 * DAY_MS,
    Precision.DAY: DAY_MS,
    Precision.MINUTE: MINUTE_MS,
    Precision.SECOND: SECOND_MS,
    Precision.MILLISECOND: 1,
}


class ClinicalTime(msgspec.Struct, frozen=True, gc=False):
    """Say when something was clinically true, how exactly, and which field said so.

    Shape: `start_ms` is the earliest instant that the source's text allows; `end_ms` is the end of an interval where
    the source gave one. `origin` names the field as the standard does ("OBX-14", "MSH-7", "Observation.effectiveDateTime").
    """

    start_ms: EpochMs
    precision: Precision = Precision.SECOND
    origin: str = ""
    end_ms: EpochMs | None = None

    @property
    def last_ms(self) -> EpochMs:
        """Return the end where one is known, else the start."""
        return self.start_ms if self.end_ms is None else self.end_ms

    @property
    def is_date_only(self) -> bool:
        """Tell whether no time of day was given."""
        return self.precision <= Precision.DAY

    @property
    def latest_ms(self) -> EpochMs:
        """Return the last instant that the text of the start allows (exclusive end of its day, minute, ...)."""
        return self.start_ms + _SPAN_MS[self.precision]


def to_ms(moment: datetime) -> EpochMs:
    """Convert an aware datetime to epoch milliseconds.

    Raises: ValueError for a naive datetime.
    """
    if moment.tzinfo is None:
        msg = "a naive datetime has no instant"
        raise ValueError(msg)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_datetime(at_ms: EpochMs) -> datetime:
    """Convert epoch milliseconds to an aware datetime in UTC."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def to_rfc3339(at_ms: EpochMs) -> str:
    """Format an instant as RFC 3339 in UTC with `Z`; milliseconds only when there are any."""
    timespec = "milliseconds" if at_ms % SECOND_MS else "seconds"
    return to_datetime(at_ms).isoformat(timespec=timespec).replace("+00:00", "Z")


def from_rfc3339(text: str) -> EpochMs:
    """Parse an RFC 3339 date-time with an offset.

    Raises: ValueError where the text is no date-time or has no offset.
    """
    return to_ms(datetime.fromisoformat(text))
