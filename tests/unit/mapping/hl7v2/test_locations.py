"""Where the patient is. HL7 v2.5.1 ch. 3, PV1-3."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest

from worker.correlate.versions import current_facts
from worker.model.fact import Fact, Location
from worker.model.message import OutcomeKind, Reading
from worker.model.time import from_rfc3339

Read = Callable[..., Reading]
ADMITTED = "20260105080000+0000"


def evn(recorded: str = "20260105115000+0000", occurred: str = "20260105113000+0000") -> str:
    return f"EVN||{recorded}||||{occurred}"


def pv1(place: str = "AMU^7^B^NORTH", **fields: str) -> str:
    named = {"kind": 2, "visit": 19, "admitted": 44, "left": 45}
    values = {2: "I", 3: place, 19: "V7", 44: ADMITTED}
    values |= {named[name]: text for name, text in fields.items()}
    return "|".join(["PV1", *(values.get(number, "") for number in range(1, 46))])


def places(read: Read, trigger: str, *lines: str) -> list[Fact]:
    reading = read(*lines, kind=f"ADT^{trigger}")
    assert reading.outcome.kind is OutcomeKind.PROCESSED
    return [fact for fact in reading.facts if fact.concept == "location"]


@pytest.mark.parametrize("trigger", ["A01", "A04"])
def test_an_admission_puts_the_patient_on_a_ward_from_its_beginning(read: Read, trigger: str) -> None:
    (fact,) = places(read, trigger, evn(), pv1())
    assert fact.value == Location("AMU", "7", "B", "NORTH", "V7")
    assert (fact.effective.origin, fact.effective.start_ms) == (
        "PV1-44",
        from_rfc3339("2026-01-05T08:00:00Z"),
    )
    assert fact.source.place == "PV1[1]-3"


@pytest.mark.parametrize("trigger", ["A02", "A06", "A07", "A08", "A12", "A13"])
def test_a_move_puts_the_patient_there_from_the_event_on(read: Read, trigger: str) -> None:
    (fact,) = places(read, trigger, evn(), pv1("ITU^^4&UP^HOSP&1.2.3&ISO"))
    assert fact.value == Location("ITU", "", "4", "HOSP", "V7")
    assert (fact.effective.origin, fact.effective.start_ms) == ("EVN-6", from_rfc3339("2026-01-05T11:30:00Z"))


@pytest.mark.parametrize("trigger", ["A03", "A05", "A14", "A28", "A31"])
def test_other_events_put_the_patient_nowhere(read: Read, trigger: str) -> None:
    reading = read(evn(), pv1(), kind=f"ADT^{trigger}")
    assert [fact for fact in reading.facts if fact.concept == "location"] == []


@pytest.mark.parametrize("place", ["", '""', "^7^B", '""^7'])
def test_a_place_without_a_ward_is_none(read: Read, place: str) -> None:
    assert places(read, "A02", evn(), pv1(place)) == []


@pytest.mark.parametrize("field", [{"left": "20260105100000+0000"}, {"kind": "P"}])
def test_an_update_of_a_visit_that_is_over_or_planned_moves_nobody(read: Read, field: dict[str, str]) -> None:
    assert places(read, "A08", evn(), pv1(**field)) == []


def test_a_time_that_cannot_be_true_gives_no_place_and_is_told(read: Read) -> None:
    reading = read(evn(occurred="2026-01-05"), pv1(), kind="ADT^A02")
    assert [fact for fact in reading.facts if fact.concept == "location"] == []
    assert [issue.place for issue in reading.issues] == ["PV1[1]-3"]


@pytest.mark.parametrize("trigger", ["A11", "A23"])
def test_a_cancelled_admission_takes_every_place_of_the_visit_back(read: Read, trigger: str) -> None:
    told = [
        *places(read, "A01", evn("20260105081000+0000", ""), pv1()),
        *places(read, "A02", evn("20260105091000+0000", ""), pv1("ITU")),
        *places(read, "A02", evn("20260105091000+0000", ""), pv1("ED", visit="V8")),
        *places(read, trigger, evn("20260105111000+0000", ""), pv1()),
    ]
    for order in permutations(told):
        (left,) = current_facts(order).facts
        assert isinstance(left.value, Location)
        assert left.value.unit == "ED"


def test_a_transfer_that_is_told_twice_is_one(read: Read) -> None:
    twice = [*places(read, "A02", evn(), pv1()), *places(read, "A02", evn(), pv1())]
    assert len({(fact.key, fact.version) for fact in twice}) == 1


def test_a_stay_says_the_same_with_and_without_a_place(read: Read) -> None:
    # Stored versions of stays must stay equal: what a place says is a fact of its own.
    without, given = (
        next(fact for fact in read(evn(), pv1(place), kind="ADT^A01").facts if fact.concept == "encounter")
        for place in ("", "AMU")
    )
    assert without.version == given.version
