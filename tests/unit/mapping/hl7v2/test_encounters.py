"""Stays, visits and discharges. HL7 v2.5.1 ch. 3."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.correlate.versions import current_facts
from worker.model.fact import LEFT, STAYED, UNANNOUNCED, EncounterValue, Fact
from worker.model.message import IssueKind, Reading
from worker.model.time import from_rfc3339

Read = Callable[..., Reading]
EVN = "EVN||20260105115000+0000||||20260105113000+0000"
ADMITTED = "20260105080000+0000"


def pv1(patient_class: str = "I", visit: str = "V7", admitted: str = ADMITTED, discharged: str = "") -> str:
    fields = {2: patient_class, 19: visit, 36: "home", 44: admitted, 45: discharged}
    return "|".join(["PV1", *(fields.get(number, "") for number in range(1, 46))])


def stays(read: Read, trigger: str, *lines: str) -> list[Fact]:
    reading = read(EVN, *lines, kind=f"ADT^{trigger}")
    return [fact for fact in reading.facts if fact.concept in {"encounter", "discharge"}]


@pytest.mark.parametrize("trigger", ["A01", "A04", "A06", "A07"])
def test_an_admission_states_the_stay(read: Read, trigger: str) -> None:
    (fact,) = stays(read, trigger, pv1(), "PV2|||^Headache and vomiting")
    assert (fact.concept, fact.key) == ("encounter", "default|visit|V7|encounter")
    assert fact.value == EncounterValue("inpatient", "V7", "Headache and vomiting")
    assert (fact.effective.origin, fact.effective.start_ms) == (
        "PV1-44",
        from_rfc3339("2026-01-05T08:00:00Z"),
    )
    assert fact.version.major == from_rfc3339("2026-01-05T11:50:00Z")


@pytest.mark.parametrize("trigger", ["A11", "A23"])
def test_a_cancelled_admission_takes_the_stay_back(read: Read, trigger: str) -> None:
    whole = stays(read, "A01", pv1(), "PV2|||^Fever")
    parts = [*stays(read, "A01", pv1()), *stays(read, "A08", pv1(admitted=""), "PV2|||^Fever")]
    (taken,) = stays(read, trigger, pv1())
    assert (taken.key, taken.is_deleted) == (whole[0].key, True)
    assert taken.version > whole[0].version
    assert current_facts([*whole, *parts, taken]).facts == ()
    assert len(current_facts([*whole, *parts]).facts) == 3


def test_a_discharge_is_a_fact_of_its_own(read: Read) -> None:
    fact, _ = stays(read, "A03", pv1(discharged="20260105114000+0000"))
    assert (fact.concept, fact.key) == ("discharge", "default|visit|V7|discharge")
    assert fact.value == EncounterValue("inpatient", "V7", "home")
    assert fact.effective.origin == "PV1-45"


def test_a_cancelled_discharge_takes_only_the_discharge_back(read: Read) -> None:
    told, _ = stays(read, "A03", pv1(discharged="20260105114000+0000"))
    taken, _ = stays(read, "A13", pv1(discharged="20260105114000+0000"))
    assert (taken.concept, taken.key, taken.is_deleted) == ("discharge", told.key, True)


def test_a_discharge_and_its_cancellation_are_marks_among_what_is_said_of_the_visit(read: Read) -> None:
    _, left = stays(read, "A03", pv1(discharged="20260105114000+0000"))
    _, stayed = stays(read, "A13", pv1(discharged="20260105114000+0000"))
    (stay,) = stays(read, "A01", pv1(), "PV2|||^Fever")
    assert {mark.group.key for mark in (left, stayed) if mark.group} == {stay.key}
    assert [(mark.qualifiers, mark.effective.origin, mark.is_deleted) for mark in (left, stayed)] == [
        ((LEFT,), "PV1-45", False),
        ((STAYED,), "EVN-6", False),
    ]
    assert len(stays(read, "A03", pv1(visit="", discharged="20260105114000+0000"))) == 1


def test_an_event_without_visit_times_happened_at_its_own(read: Read) -> None:
    fact, _ = stays(read, "A03", pv1(admitted=""))
    assert (fact.effective.origin, fact.effective.start_ms) == ("EVN-6", from_rfc3339("2026-01-05T11:30:00Z"))


def test_a_visit_without_number_is_named_by_its_admission(read: Read) -> None:
    (fact,) = stays(read, "A01", pv1(visit=""))
    assert fact.key == f"default|visit|{from_rfc3339('2026-01-05T08:00:00Z')}|encounter"


def test_an_update_states_the_stay_only_where_it_says_enough(read: Read) -> None:
    assert stays(read, "A08", pv1()) == []
    assert stays(read, "A08", pv1(admitted="", visit=""), "PV2|||^Fever") == []
    assert len(stays(read, "A08", pv1(), "PV2|||^Fever")) == 1


def test_an_update_without_an_admission_time_does_not_say_since_when(read: Read) -> None:
    (fact,) = stays(read, "A08", pv1(admitted=""), "PV2|||^Fever")
    assert (fact.effective.origin, fact.qualifiers) == ("EVN-6", ("fever", UNANNOUNCED))


def test_what_says_no_reason_is_no_version_of_what_says_one(read: Read) -> None:
    (said,), (silent,) = stays(read, "A04", pv1(), "PV2|||^Fever"), stays(read, "A06", pv1())
    assert said.key != silent.key
    assert said.group == silent.group


@pytest.mark.parametrize("trigger", ["A28", "A31", "A40"])
def test_messages_about_persons_state_no_stay(read: Read, trigger: str) -> None:
    merge = ["MRG|OLD^^^HOSP"] if trigger == "A40" else []
    assert stays(read, trigger, *merge, pv1()) == []


def test_an_admission_without_pv1_states_no_stay(read: Read) -> None:
    assert stays(read, "A01") == []


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ("I", "inpatient"),
        ("E", "emergency"),
        ("EMERGENCY", "emergency"),
        ("o", "outpatient"),
        ("U", "unknown"),
    ],
)
def test_a_class_is_looked_up(read: Read, sent: str, known: str) -> None:
    (fact,) = stays(read, "A01", pv1(sent))
    assert isinstance(fact.value, EncounterValue)
    assert fact.value.encounter_class == known


def test_a_class_nobody_mapped_is_an_issue(read: Read) -> None:
    reading = read(pv1("ZZ"), kind="ADT^A01")
    assert [(issue.kind, issue.place, issue.subject) for issue in reading.issues] == [
        (IssueKind.UNMAPPED_CODE, "PV1[1]-2", "patient class ZZ"),
    ]


@pytest.mark.parametrize("trigger", ["A01", "A03"])
def test_a_stay_in_the_future_is_quarantined(read: Read, trigger: str) -> None:
    reading = read(pv1(admitted="20990101", discharged="20990101"), kind=f"ADT^{trigger}")
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_TIME]


def test_observations_of_an_admission_are_read(read: Read) -> None:
    reading = read(pv1(), "OBX|1|NM|8310-5^T^LN||38.4|Cel|||||F|||20260105100000+0000", kind="ADT^A01")
    assert "body-temperature" in {fact.concept for fact in reading.facts}


@pytest.mark.parametrize(
    ("pv2", "said"),
    [
        ("PV2|||^Headache and vomiting", ("headache", "vomiting")),
        ("PV2|||R51.9^Cephalea^I10", ("headache",)),
        ("PV2|||^Headache, no fever", ("headache",)),
        ("PV2|||^Sprained ankle", ()),
    ],
)
def test_a_reason_names_its_complaints_by_words_and_code(read: Read, pv2: str, said: tuple[str, ...]) -> None:
    (fact,) = stays(read, "A04", pv1(), pv2)
    assert fact.qualifiers == said


def test_an_elective_admission_is_planned(read: Read) -> None:
    (fact,) = stays(read, "A01", "PV1||I||C" + "|" * 15 + "V7")
    assert fact.qualifiers == ("planned",)


@pytest.mark.parametrize("trigger", ["A11", "A13"])
def test_what_is_taken_back_needs_no_time(read: Read, trigger: str) -> None:
    fact, *_ = stays(read, trigger, pv1(admitted="then", discharged="then"))
    assert fact.is_deleted
