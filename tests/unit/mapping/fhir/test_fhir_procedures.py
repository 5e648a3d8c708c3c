"""What procedures and orders say of lumbar punctures. Tests worker.mapping.fhir.procedures and orders."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.correlate.versions import current_facts
from worker.model.fact import Coded, Puncture, PunctureSource, PunctureStatus
from worker.model.message import IssueKind, Reading
from worker.model.time import from_rfc3339

Read = Callable[..., Reading]
START, END, UPDATED = "2026-01-05T08:00:00Z", "2026-01-05T08:30:00Z", "2026-01-05T09:00:00Z"
LUMBAR_PUNCTURE = {"coding": [{"system": "http://snomed.info/sct", "code": "277762005"}]}
BLOOD_PATCH = {
    "coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "62273"}],
    "text": "Blood patch",
}


def procedure(**elements: object) -> dict[str, object]:
    return {
        "resourceType": "Procedure",
        "id": "x1",
        "meta": {"lastUpdated": UPDATED},
        "status": "completed",
        "code": LUMBAR_PUNCTURE,
        "subject": {"reference": "Patient/p1"},
        "performedPeriod": {"start": START, "end": END},
        **elements,
    }


def order(**elements: object) -> dict[str, object]:
    return {
        "resourceType": "ServiceRequest",
        "id": "r1",
        "meta": {"lastUpdated": UPDATED},
        "status": "active",
        "intent": "order",
        "code": LUMBAR_PUNCTURE,
        "subject": {"reference": "Patient/p1"},
        "authoredOn": START,
        **elements,
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("completed", PunctureStatus.COMPLETED),
        ("stopped", PunctureStatus.ATTEMPTED),
        ("not-done", PunctureStatus.CANCELLED),
        ("preparation", PunctureStatus.PLANNED),
        ("in-progress", PunctureStatus.PLANNED),
        ("on-hold", PunctureStatus.PLANNED),
        ("unknown", PunctureStatus.COMPLETED),
        (None, PunctureStatus.COMPLETED),
    ],
)
def test_the_status_says_what_became_of_the_puncture(
    read: Read, status: str | None, expected: PunctureStatus
) -> None:
    (fact,) = read(procedure(status=status)).facts

    assert fact.value == Puncture(expected, PunctureSource.PROCEDURE)
    assert fact.key == "default|Procedure|x1"


def test_an_unknown_status_without_a_time_opens_nothing(read: Read) -> None:
    (fact,) = read(procedure(status="unknown", performedPeriod=None)).facts

    assert fact.value == Puncture(PunctureStatus.PLANNED, PunctureSource.PROCEDURE)


def test_entered_in_error_takes_the_puncture_back(read: Read) -> None:
    (fact,) = read(procedure(status="entered-in-error")).facts

    assert (fact.is_deleted, fact.value, fact.version.minor) == (True, None, 4)


def test_the_time_of_a_puncture_has_its_end(read: Read) -> None:
    (fact,) = read(procedure()).facts

    assert (fact.effective.start_ms, fact.effective.end_ms) == (from_rfc3339(START), from_rfc3339(END))
    assert fact.effective.origin == "Procedure.performedPeriod"


@pytest.mark.parametrize(
    "r5",
    [
        {"performedPeriod": None, "occurrencePeriod": {"start": START, "end": END}},
        {"performedPeriod": None, "occurrenceDateTime": START},
        {"performedPeriod": None, "performedDateTime": START},
        {"performedPeriod": {"end": START}},
    ],
)
def test_every_way_to_give_the_time_is_read(read: Read, r5: dict[str, object]) -> None:
    (fact,) = read(procedure(**r5)).facts

    assert fact.effective.start_ms == from_rfc3339(START)


def test_a_planned_puncture_in_the_future_is_no_bad_time(read: Read) -> None:
    reading = read(procedure(status="preparation", performedPeriod={"start": "2026-01-09T08:00:00Z"}))

    assert reading.issues == ()
    assert reading.facts[0].effective.start_ms == from_rfc3339(UPDATED)


def test_a_puncture_that_was_done_at_a_time_ahead_counts_from_when_it_was_filed(read: Read) -> None:
    reading = read(procedure(performedPeriod={"start": "2026-01-09T08:00:00Z"}))

    (fact,) = reading.facts
    assert (fact.effective.start_ms, fact.effective.origin) == (
        from_rfc3339(UPDATED),
        "Procedure.meta.lastUpdated",
    )
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_TIME]


@pytest.mark.parametrize(
    "elements",
    [
        {"performedPeriod": {"start": "1890-01-01T08:00:00Z"}},
        {"performedPeriod": {"start": "2026-01"}},
        {"performedPeriod": {"start": "2026-01-09T08:00:00Z"}, "code": BLOOD_PATCH},
    ],
)
def test_a_puncture_of_long_ago_and_other_procedures_are_not_guessed(
    read: Read, elements: dict[str, object]
) -> None:
    birth = {
        "resourceType": "Patient",
        "id": "p1",
        "meta": {"lastUpdated": START},
        "identifier": [{"system": "urn:north", "value": "1"}],
        "birthDate": "1980-01-01",
    }
    reading = read(birth, procedure(**elements))

    assert not [fact for fact in reading.facts if fact.concept in {"lumbar-puncture", "blood-patch"}]
    assert IssueKind.BAD_TIME in [issue.kind for issue in reading.issues]


@pytest.mark.parametrize("end", ["2099-01-05T08:30:00Z", "2026-01-05T09:15:00Z", "2026-01-06T08:00:01Z"])
def test_an_end_that_lies_ahead_or_a_day_away_moves_no_window(read: Read, end: str) -> None:
    reading = read(procedure(performedPeriod={"start": START, "end": end}))

    assert [fact.effective.last_ms for fact in reading.facts] == [from_rfc3339(START)]
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_TIME]


def test_records_of_one_puncture_share_order_numbers(read: Read) -> None:
    based_on = [
        {"reference": "ServiceRequest/r1"},
        {"reference": "CarePlan/c1"},
        {"identifier": {"system": "urn:placer", "value": "P77"}},
    ]
    done = read(procedure(basedOn=based_on, identifier=[{"value": "X5"}])).facts[0].value
    ordered = read(order(identifier=[{"value": "P77"}])).facts[0].value

    assert isinstance(done, Puncture)
    assert isinstance(ordered, Puncture)
    assert done.numbers == ("P77", "ServiceRequest/r1", "X5")
    assert ordered.numbers == ("P77", "ServiceRequest/r1")


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"status": "draft"}, PunctureStatus.PLANNED),
        ({"status": "active"}, PunctureStatus.PLANNED),
        ({"status": "active", "occurrenceDateTime": "2026-01-09T08:00:00Z"}, None),
        ({"status": "revoked"}, PunctureStatus.CANCELLED),
        ({"doNotPerform": True}, PunctureStatus.CANCELLED),
        ({"status": "completed"}, PunctureStatus.PLANNED),
        ({"status": "completed", "occurrenceDateTime": START}, PunctureStatus.COMPLETED),
        ({"status": "completed", "occurrencePeriod": {"start": START, "end": END}}, PunctureStatus.COMPLETED),
        ({"code": {"concept": LUMBAR_PUNCTURE}}, PunctureStatus.PLANNED),
    ],
)
def test_an_order_says_what_its_status_says(
    read: Read, elements: dict[str, object], expected: PunctureStatus | None
) -> None:
    reading = read(order(**elements))

    assert reading.issues == ()
    assert [fact.value for fact in reading.facts] == [
        Puncture(expected or PunctureStatus.PLANNED, PunctureSource.ORDER, ("ServiceRequest/r1",))
    ]


@pytest.mark.parametrize(
    "elements", [{"intent": "proposal"}, {"code": {"text": "Chest X-ray"}}, {"code": None}]
)
def test_proposals_and_other_orders_say_nothing(read: Read, elements: dict[str, object]) -> None:
    reading = read(order(**elements))

    assert (reading.facts, reading.issues) == ((), ())


def test_a_blood_patch_is_done_or_not(read: Read) -> None:
    (done,) = read(procedure(code=BLOOD_PATCH)).facts
    (void,) = read(procedure(code=BLOOD_PATCH, status="not-done")).facts

    assert (done.concept, done.value) == ("blood-patch", Coded("done", "Blood patch"))
    assert (void.concept, void.is_deleted) == ("blood-patch", True)


def test_another_procedure_says_nothing(read: Read) -> None:
    reading = read(procedure(code={"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}))

    assert (reading.facts, reading.issues) == ((), ())


def test_a_code_for_something_else_than_a_procedure_says_nothing(read: Read) -> None:
    reading = read(procedure(code={"coding": [{"system": "http://loinc.org", "code": "8310-5"}]}))

    assert (reading.facts, reading.issues) == ((), ())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (procedure, {"reasonCode": [{"text": "Suspected meningitis"}]}),
        (order, {"reasonCode": [{"text": "Suspected meningitis"}]}),
        (procedure, {"reason": [{"concept": {"text": "Suspected meningitis"}}]}),
    ],
)
def test_a_puncture_says_why_it_is_done(
    read: Read, make: Callable[..., dict[str, object]], reason: dict[str, object]
) -> None:
    puncture, indication = read(make(**reason)).facts
    assert (indication.concept, indication.value) == (
        "lp-indication",
        Coded("recorded", "Suspected meningitis"),
    )
    assert puncture.group == indication.group


def test_a_puncture_in_error_takes_its_reason_with_it(read: Read) -> None:
    told = read(procedure(reasonCode=[{"text": "Fever"}])).facts
    void = read(procedure(status="entered-in-error", meta={"lastUpdated": "2026-01-05T12:00:00Z"})).facts
    assert current_facts((*told, *void)).facts == ()
