"""Date-times of HL7 v2 and FHIR, read strictly."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from worker.decode.timestamps import DecodedTime, parse_dtm, parse_fhir_datetime
from worker.model.errors import DecodeError
from worker.model.time import Precision, from_rfc3339, to_rfc3339

BERLIN = ZoneInfo("Europe/Berlin")


def _utc(found: DecodedTime) -> str:
    return to_rfc3339(found.at_ms)


@pytest.mark.parametrize(
    ("text", "instant", "precision"),
    [
        ("2026", "2026-01-01T00:00:00Z", Precision.YEAR),
        ("202609", "2026-09-01T00:00:00Z", Precision.MONTH),
        ("20260901", "2026-09-01T00:00:00Z", Precision.DAY),
        ("2026090106", "2026-09-01T06:00:00Z", Precision.MINUTE),
        ("202609010656", "2026-09-01T06:56:00Z", Precision.MINUTE),
        ("20260901065607", "2026-09-01T06:56:07Z", Precision.SECOND),
        ("20260901065607.5", "2026-09-01T06:56:07.500Z", Precision.MILLISECOND),
        ("20260901065607.1239", "2026-09-01T06:56:07.123Z", Precision.MILLISECOND),
        ("19631119000000", "1963-11-19T00:00:00Z", Precision.SECOND),
        ("20240229", "2024-02-29T00:00:00Z", Precision.DAY),
        ("00010101", "0001-01-01T00:00:00Z", Precision.DAY),
    ],
)
def test_each_length_of_an_hl7_time_is_read_with_its_precision(
    text: str, instant: str, precision: Precision
) -> None:
    found = parse_dtm(text, UTC)
    assert (found.at_ms, found.precision, found.has_offset) == (from_rfc3339(instant), precision, False)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20260901065607+0200", "2026-09-01T04:56:07Z"),
        ("20260901065607.25-0330", "2026-09-01T10:26:07.250Z"),
        ("20260901+1400", "2026-08-31T10:00:00Z"),
        ("202609010656-0000", "2026-09-01T06:56:00Z"),
    ],
)
def test_offset_outweighs_the_zone_of_the_feed(text: str, instant: str) -> None:
    found = parse_dtm(text, BERLIN)
    assert (_utc(found), found.has_offset) == (instant, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "202",
        "20265",
        "2026090",
        "2026-09-01 06:56",
        "2026-09-01",
        "20260901 0656",
        "20260901T0656",
        " 20260901",
        "20260901\n",
        "00000000",
        "20260001",
        "20261301",
        "20260900",
        "20260931",
        "20250229",
        "2026090124",
        "202609010660",
        "20260901065660",
        "20260901065607.",
        "20260901065607.12345",
        "20260901065607+2",
        "20260901065607+02:00",
        "20260901065607+1401",
        "20260901065607+0060",
        "20260901065607Z",
        '""',
        "\uff12\uff10\uff12\uff16",
        "00000101",
    ],
)
def test_anything_else_is_an_error_and_no_guess(text: str) -> None:
    with pytest.raises(DecodeError) as caught:
        parse_dtm(text, UTC)
    assert not text or text not in str(caught.value)


def test_wall_time_without_offset_is_read_in_the_zone_of_the_feed() -> None:
    assert _utc(parse_dtm("202607010800", BERLIN)) == "2026-07-01T06:00:00Z"
    assert _utc(parse_dtm("202601010800", BERLIN)) == "2026-01-01T07:00:00Z"
    assert _utc(parse_dtm("20260701", BERLIN)) == "2026-06-30T22:00:00Z"


def test_wall_time_in_the_gap_of_spring_moves_forward_by_the_gap() -> None:
    assert _utc(parse_dtm("202603290159", BERLIN)) == "2026-03-29T00:59:00Z"
    assert _utc(parse_dtm("202603290230", BERLIN)) == "2026-03-29T01:30:00Z"  # 03:30 summer time
    assert _utc(parse_dtm("202603290300", BERLIN)) == "2026-03-29T01:00:00Z"


def test_wall_time_that_comes_twice_in_autumn_is_the_earlier_one() -> None:
    assert _utc(parse_dtm("202610250230", BERLIN)) == "2026-10-25T00:30:00Z"
    assert _utc(parse_dtm("202610250300", BERLIN)) == "2026-10-25T02:00:00Z"


def test_offset_tells_the_two_instants_of_autumn_apart() -> None:
    assert _utc(parse_dtm("202610250230+0100", BERLIN)) == "2026-10-25T01:30:00Z"


def test_half_hour_change_of_lord_howe_follows_the_same_rule() -> None:
    island = ZoneInfo("Australia/Lord_Howe")
    assert _utc(parse_dtm("202610040215", island)) == "2026-10-03T15:45:00Z"
    assert _utc(parse_dtm("202604050145", island)) == "2026-04-04T14:45:00Z"


def test_fixed_zone_serves_as_well() -> None:
    assert _utc(parse_dtm("202607010800", timezone(timedelta(hours=-5)))) == "2026-07-01T13:00:00Z"


@pytest.mark.parametrize(
    ("text", "instant", "precision", "has_offset"),
    [
        ("2026", "2026-01-01T00:00:00Z", Precision.YEAR, False),
        ("2026-09", "2026-09-01T00:00:00Z", Precision.MONTH, False),
        ("2026-09-01", "2026-09-01T00:00:00Z", Precision.DAY, False),
        ("2026-09-01T06:56:07Z", "2026-09-01T06:56:07Z", Precision.SECOND, True),
        ("2026-09-01T06:56:07.123456+02:00", "2026-09-01T04:56:07.123Z", Precision.MILLISECOND, True),
        ("2026-09-01T06:56-05:00", "2026-09-01T11:56:00Z", Precision.MINUTE, True),
        ("2026-09-01T06:56:07", "2026-09-01T06:56:07Z", Precision.SECOND, False),
    ],
)
def test_fhir_times_are_read_with_their_precision(
    text: str, instant: str, precision: Precision, *, has_offset: bool
) -> None:
    assert parse_fhir_datetime(text, UTC) == DecodedTime(from_rfc3339(instant), precision, has_offset)


@pytest.mark.parametrize(
    "text",
    ["", "20260901", "2026-9-1", "2026-09-01 06:56:07Z", "2026-09-01T06Z", "2026-02-30", "2026-09-01T24:00:00Z",
     "2026-09-01T06:56:07+0200", "2026-09-01Z", "2026-09-01T06:56:07z", "2026-09-01T06:56:60Z"],
)  # fmt: skip
def test_other_fhir_times_are_errors(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_fhir_datetime(text, UTC)


def test_fhir_date_starts_at_midnight_of_the_zone() -> None:
    assert _utc(parse_fhir_datetime("2026-07-01", BERLIN)) == "2026-06-30T22:00:00Z"
