"""Times of FHIR, read fast in the form that nearly all servers write. Pure: no I/O, no clock. Source: FHIR R4 datatypes.

The strict reader (`decode.timestamps`) decides what is a time; here only the minute of a usual instant is remembered, because
thousands of resources share it. Everything unusual goes to the strict reader as it is.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from functools import lru_cache

from worker.decode.timestamps import DecodedTime, parse_fhir_datetime
from worker.model.time import SECOND_MS, EpochMs, Precision

_SECONDS_MS = {f":{second:02d}": second * SECOND_MS for second in range(60)}
_FRACTIONS_MS = {f".{fraction:03d}": fraction for fraction in range(1000)}
# Named once: to ask an enumeration for its member takes as long as to make the result.
_SECOND, _MILLISECOND = Precision.SECOND, Precision.MILLISECOND
_BEFORE_SECONDS, _AFTER_SECONDS = 16, 19
_LENGTHS = frozenset({20, 25})  # 2026-01-05T08:00:00Z, 2026-01-05T08:00:00+01:00
_LENGTH_WITH_MS = 24  # 2026-01-05T08:00:00.000Z


def read_instant(text: str, zone: tzinfo) -> DecodedTime:
    """Read a FHIR `date`, `dateTime` or `instant`, as `parse_fhir_datetime` does.

    Raises: DecodeError for any other form and for dates that do not exist.
    """
    seconds_ms = _SECONDS_MS.get(text[_BEFORE_SECONDS:_AFTER_SECONDS])
    if seconds_ms is not None:
        length = len(text)
        if length in _LENGTHS:
            at_ms = _minute_ms(text[:_BEFORE_SECONDS], text[_AFTER_SECONDS:])
            return DecodedTime(at_ms + seconds_ms, _SECOND, True)  # noqa: FBT003 - by name costs a third more
        fraction_ms = _FRACTIONS_MS.get(text[_AFTER_SECONDS:23])
        if length == _LENGTH_WITH_MS and fraction_ms is not None:
            at_ms = _minute_ms(text[:_BEFORE_SECONDS], text[23:]) + seconds_ms + fraction_ms
            return DecodedTime(at_ms, _MILLISECOND, True)  # noqa: FBT003 - see above
    return parse_fhir_datetime(text, zone)


@lru_cache(maxsize=8192)
def _minute_ms(minute: str, offset: str) -> EpochMs:
    """Read the minute; a form that is not `YYYY-MM-DDThh:mm` with an offset is refused like any other."""
    return parse_fhir_datetime(f"{minute}:00{offset}", UTC).at_ms
