"""Date-times of HL7 v2 and FHIR, read strictly. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.A.22 (DTM), FHIR R4 datatypes.

A time without an offset is a wall time in the zone of its feed. When the clocks go back, one wall time names two instants: the
earlier one is taken. When they go forward, some wall times do not exist: such a time is moved forward by the gap, as if the
clock had not been changed yet. A time that cannot be read is an error, never a guess.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

import msgspec

from worker.model.errors import DecodeError
from worker.model.time import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, EpochMs, Precision

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MILLISECOND = timedelta(milliseconds=1)
_SECOND_MS = {f"{second:02d}": second * SECOND_MS for second in range(60)}
_SECOND = Precision.SECOND  # named once: to ask an enumeration for its member takes a while
_MAX_OFFSET_MS = 14 * HOUR_MS  # the largest in use (Line Islands)

_DTM = re.compile(
    r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:\.([0-9]{1,4}))?)?)?)?)?)?"
    r"([+-][0-9]{4})?",
)
_FHIR = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?",
)


class DecodedTime(msgspec.Struct, frozen=True, gc=False):
    """The earliest instant that a text allows, how exact it is, and whether it named its offset.

    Shape: an hour without minutes counts as exact to the minute: the time of day was given.
    """

    at_ms: EpochMs
    precision: Precision
    has_offset: bool


def parse_dtm(text: str, zone: tzinfo) -> DecodedTime:
    """Read `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]` and nothing else.

    Units: `zone` is where a time without offset was written.

    Raises: DecodeError for any other form and for dates that do not exist.
    """
    second_ms = _SECOND_MS.get(text[12:14])
    if second_ms is not None and (len(text) == 14 or (len(text) == 19 and text[14] in "+-")):
        # The form of nearly all messages; the fields of one message, and of many, share a minute.
        offset = text[14:]
        at_ms = _dtm_minute_ms(text[:12], offset, zone) + second_ms
        return DecodedTime(at_ms, _SECOND, offset != "")
    return _parse_any_dtm(text, zone)


@lru_cache(maxsize=4096)
def _dtm_minute_ms(minute: str, offset: str, zone: tzinfo) -> EpochMs:
    return _parse_any_dtm(f"{minute}00{offset}", zone).at_ms


@lru_cache(maxsize=4096)
def _parse_any_dtm(text: str, zone: tzinfo) -> DecodedTime:
    match = _DTM.fullmatch(text)
    if match is None:
        raise DecodeError("not a date-time of the form YYYYMMDDHHMMSS.SSSS+ZZZZ")
    return _decoded(match, zone)


def parse_fhir_datetime(text: str, zone: tzinfo) -> DecodedTime:
    """Read a FHIR `date`, `dateTime` or `instant`; seconds and offset may be missing, as some servers leave them out.

    Units: `zone` is where a date, or a time without offset, was written.

    Raises: DecodeError for any other form and for dates that do not exist.
    """
    match = _FHIR.fullmatch(text)
    if match is None:
        raise DecodeError("not a date-time of the form YYYY-MM-DDThh:mm:ss.sss+zz:zz")
    return _decoded(match, zone)


def _decoded(match: re.Match[str], zone: tzinfo) -> DecodedTime:
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    at_ms = _day_ms(year, month or "01", day or "01")
    if hour is None:
        precision = Precision.DAY if day else Precision.MONTH if month else Precision.YEAR
    else:
        at_ms += _of_day_ms(hour, minute or "00", second or "00")
        precision = Precision.SECOND if second else Precision.MINUTE
        if fraction is not None:
            at_ms += int(fraction[:3].ljust(3, "0"))
            precision = Precision.MILLISECOND
    if offset is None:
        return DecodedTime(at_ms - _zone_ms(at_ms, zone), precision, has_offset=False)
    return DecodedTime(at_ms - _offset_ms(offset), precision, has_offset=True)


@lru_cache(maxsize=4096)
def _day_ms(year: str, month: str, day: str) -> int:
    """Return midnight of a day as if in UTC; many messages share a day."""
    try:
        moment = datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError:
        raise DecodeError("no such date") from None
    return (moment.toordinal() - _EPOCH_DAY) * DAY_MS


def _of_day_ms(hour: str, minute: str, second: str) -> int:
    if hour > "23" or minute > "59" or second > "59":
        raise DecodeError("no such time of day")
    return int(hour) * HOUR_MS + int(minute) * MINUTE_MS + int(second) * SECOND_MS


@lru_cache(maxsize=64)
def _offset_ms(offset: str) -> int:
    if offset == "Z":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    size_ms = hours * HOUR_MS + minutes * MINUTE_MS
    if minutes > 59 or size_ms > _MAX_OFFSET_MS:
        raise DecodeError("no such offset from UTC")
    return -size_ms if offset[0] == "-" else size_ms


def _zone_ms(wall_ms: int, zone: tzinfo) -> int:
    """Return the zone's offset at a wall time; clocks change at whole minutes."""
    return _zone_at_minute_ms(wall_ms // MINUTE_MS, zone)


@lru_cache(maxsize=4096)
def _zone_at_minute_ms(minute: int, zone: tzinfo) -> int:
    # `fold=0`, the default, is the rule of this module: the earlier of two instants, and the offset before a gap.
    moment = (_EPOCH + timedelta(minutes=minute)).replace(tzinfo=zone)
    offset = moment.utcoffset()
    return 0 if offset is None else offset // _MILLISECOND
