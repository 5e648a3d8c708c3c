"""Laws of the time parsers."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from worker.decode.timestamps import parse_dtm, parse_fhir_datetime
from worker.model.errors import DecodeError
from worker.model.time import to_ms

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001 # wall times; zones come later
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ZONES = st.sampled_from(
    [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")]
)


@given(st.text("0123456789+-.TZ: ", max_size=30), ZONES)
def test_no_text_crashes_the_parsers(text: str, zone: ZoneInfo) -> None:
    for parse in (parse_dtm, parse_fhir_datetime):
        with suppress(DecodeError):
            parse(text, zone)


@given(MOMENTS, OFFSETS)
def test_times_with_offset_are_read_exactly(moment: datetime, offset: timezone) -> None:
    aware = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=offset)
    fraction = f".{aware.microsecond // 1000:03}"
    written = aware.strftime("%Y%m%d%H%M%S") + fraction + aware.strftime("%z")
    assert parse_dtm(written, UTC).at_ms == to_ms(aware)
    assert parse_fhir_datetime(aware.isoformat(timespec="milliseconds"), UTC).at_ms == to_ms(aware)


@given(MOMENTS, ZONES)
def test_times_without_offset_follow_the_zone(moment: datetime, zone: ZoneInfo) -> None:
    aware = moment.replace(second=0, microsecond=0, tzinfo=zone)
    assert parse_dtm(aware.strftime("%Y%m%d%H%M"), zone).at_ms == to_ms(aware.astimezone(UTC))
