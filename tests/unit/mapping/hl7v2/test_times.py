"""Clinical times: precedence, origin, plausibility, zones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.mapping.pack import MappingPack
from worker.model.fact import Fact
from worker.model.message import IssueKind, Reading
from worker.model.time import Precision, from_rfc3339

Read = Callable[..., Reading]


def lines(obx_14: str = "", obr_7: str = "", obr_22: str = "", spm_17: str = "") -> list[str]:
    spm = [f"SPM|1|||BLD|||||||||||||{spm_17}"] if spm_17 else []
    obr = f"OBR|1|P9|F9|V^V^L|||{obr_7}|||||||||||||||{obr_22}|||F"
    return [obr, f"OBX|1|NM|8310-5^T^LN||38.4|Cel|||||F|||{obx_14}", *spm]


def measured(reading: Reading) -> Fact:
    (fact,) = [fact for fact in reading.facts if fact.concept == "body-temperature"]
    return fact


def complaint(reading: Reading) -> str:
    (issue,) = reading.issues
    assert issue.kind is IssueKind.BAD_TIME
    assert issue.is_quarantined
    assert all(fact.concept == "birth-date" for fact in reading.facts)
    return issue.subject


@pytest.mark.parametrize(
    ("obr_22", "at"),
    [("20260105090000+0000", "09:00"), ("20260105120500+0000", "12:05"), ("20990105090000+0000", "12:00")],
    ids=["before its message", "within the tolerance", "years ahead"],
)
def test_a_version_is_not_stated_after_the_message_that_tells_of_it(read: Read, obr_22: str, at: str) -> None:
    fact = measured(read(*lines("20260105080000+0000", "", obr_22)))
    assert fact.version.major == from_rfc3339(f"2026-01-05T{at}:00Z")


@pytest.mark.parametrize(
    ("fields", "origin", "at"),
    [
        (("20260105080000+0000", "20260105070000+0000", "20260105090000+0000"), "OBX-14", "08:00"),
        (("", "20260105070000+0000", "20260105090000+0000"), "OBR-7", "07:00"),
        (('""', "20260105070000+0000", ""), "OBR-7", "07:00"),
        (("", "", "20260105090000+0000"), "OBR-22", "09:00"),
        (("", "", "20260105090000+0000", "20260105060000+0000"), "SPM-17", "06:00"),
        (("", "", ""), "MSH-7", "12:00"),
    ],
)
def test_the_first_filled_field_gives_the_time(
    read: Read, fields: tuple[str, ...], origin: str, at: str
) -> None:
    effective = measured(read(*lines(*fields))).effective
    assert (effective.origin, effective.start_ms) == (origin, from_rfc3339(f"2026-01-05T{at}:00Z"))


def test_an_unreadable_time_is_quarantined_and_no_other_field_is_tried(read: Read) -> None:
    assert (
        complaint(read(*lines("2026-01-05 08:00", "20260105070000+0000")))
        == "body-temperature: OBX-14: not readable"
    )


def test_a_time_later_than_the_message_is_quarantined(read: Read) -> None:
    assert (
        complaint(read(*lines("20260105121100+0000"))) == "body-temperature: OBX-14: later than the message"
    )
    assert measured(read(*lines("20260105120900+0000")))


def test_a_time_before_birth_is_quarantined(read: Read) -> None:
    assert complaint(read(*lines("19791231"))) == "body-temperature: OBX-14: before birth"


def test_a_month_is_no_clinical_time(read: Read) -> None:
    assert complaint(read(*lines("202601"))) == "body-temperature: OBX-14: less exact than a day"


def test_a_message_without_any_time_is_quarantined_fact_by_fact(read: Read) -> None:
    assert complaint(read(*lines(), at="")) == "body-temperature: no time in the message"


def test_an_unreadable_message_time_is_an_issue_of_its_own(read: Read) -> None:
    reading = read(*lines("20260105080000+0000"), at="yesterday")
    assert measured(reading).version.major == 0
    assert reading.message_at_ms is None
    assert [issue.place for issue in reading.issues] == ["MSH-7"]


def test_a_deletion_with_a_bad_time_still_deletes(read: Read, site: Callable[[str], MappingPack]) -> None:
    deleted = [line.replace("|F|||", "|D|||") for line in lines("rubbish")]
    reading = read(*deleted, using=site("result_identity: order"))
    assert measured(reading).is_deleted
    assert reading.issues == ()


@pytest.mark.parametrize("status", ["C", "F"])
def test_a_correction_with_a_bad_time_takes_the_older_value_back_and_says_what_is_lost(
    read: Read, site: Callable[[str], MappingPack], status: str
) -> None:
    sent = [line.replace("|F|||", f"|{status}|||") for line in lines("rubbish")]
    reading = read(*sent, using=site("result_identity: order"))
    assert [issue.subject for issue in reading.issues] == ["body-temperature: OBX-14: not readable"]
    assert [fact.is_deleted for fact in reading.facts if fact.concept == "body-temperature"] == (
        [True] if status == "C" else []
    )


def test_where_the_time_names_the_result_a_bad_one_takes_nothing_back(read: Read) -> None:
    reading = read(*[line.replace("|F|||", "|C|||") for line in lines("rubbish")])
    assert complaint(reading) == "body-temperature: OBX-14: not readable"


def test_a_date_is_known_to_the_day(read: Read) -> None:
    effective = measured(read(*lines("20260104"))).effective
    assert (effective.precision, effective.is_date_only) == (Precision.DAY, True)


@pytest.mark.parametrize("text", ["202601040000", "20260104000000", "20260104000000.000"])
def test_midnight_is_a_date_only_where_the_feed_says_so(
    read: Read, site: Callable[[str], MappingPack], text: str
) -> None:
    pack = site("midnight: date")
    assert not measured(read(*lines(text))).effective.is_date_only
    assert measured(read(*lines(text), using=pack)).effective.is_date_only
    assert not measured(read(*lines("202601040001"), using=pack)).effective.is_date_only


def test_a_time_without_offset_is_in_the_zone_of_the_feed(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    pack = site("zone: America/New_York")
    effective = measured(read(*lines("20260105060000"), using=pack)).effective
    assert effective.start_ms == from_rfc3339("2026-01-05T11:00:00Z")


def test_an_unreadable_status_time_falls_back_to_the_message(read: Read) -> None:
    fact = measured(read(*lines("20260105080000+0000", obr_22="soon")))
    assert fact.version.major == from_rfc3339("2026-01-05T12:00:00Z")


AHEAD, TOMORROW = "20350105120000+0000", "2026-01-06T12:00:00Z"


def test_what_a_clock_ahead_sends_is_the_oldest_version_and_is_told(read: Read) -> None:
    reading = read(*lines("20260105080000+0000"), at=AHEAD, latest=TOMORROW)
    assert measured(reading).version.major == 0
    assert [(issue.kind, issue.place, issue.is_quarantined) for issue in reading.issues] == [
        (IssueKind.BAD_TIME, "MSH-7", False),
    ]
    assert reading.message_at_ms == from_rfc3339("2035-01-05T12:00:00Z"), "the metric of its clock tells"


@pytest.mark.parametrize("at", [AHEAD, ""])
@pytest.mark.parametrize("status", ["C", "D", "W", "X"])
def test_a_correction_that_nobody_can_date_is_the_newest_version(read: Read, at: str, status: str) -> None:
    obx = lines("20260105080000+0000")[1].replace("|F|", f"|{status}|")
    undated = measured(read(lines()[0], obx, at=at, latest=TOMORROW))
    dated = measured(read(*lines("20260105080000+0000")))
    assert undated.version > dated.version
    assert undated.version.stated_ms == 0, "when it was reported is not known"


def test_of_a_clock_ahead_a_time_of_status_that_can_be_true_counts(read: Read) -> None:
    fact = measured(read(*lines("20260105080000+0000", "", "20260105090000+0000"), at=AHEAD, latest=TOMORROW))
    assert fact.version.stated_ms == from_rfc3339("2026-01-05T09:00:00Z")


def test_a_value_of_a_clock_ahead_is_set_aside(read: Read) -> None:
    reading = read(*lines(AHEAD), at=AHEAD, latest=TOMORROW)
    assert all(fact.concept == "birth-date" for fact in reading.facts)
    assert [issue.subject for issue in reading.issues if issue.is_quarantined] == [
        "body-temperature: OBX-14: later than the message"
    ]
