"""What Observations say, by value, code, time and status. Tests worker.mapping.fhir.observations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.model.fact import Assertion, AssertionStatus, Coded, Comparator, Quantity
from worker.model.message import IssueKind, OutcomeKind, Reading
from worker.model.time import Precision, from_rfc3339

Read = Callable[..., Reading]
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
AT = "2026-01-05T08:00:00Z"


def concept(code: str, system: str = LOINC) -> dict[str, object]:
    return {"coding": [{"system": system, "code": code}]}


def observation(code: dict[str, object], **elements: object) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "meta": {"lastUpdated": "2026-01-05T08:05:00Z"},
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": AT,
        "code": code,
        **elements,
    }


def quantity(value: object, unit: str = "Cel", **more: object) -> dict[str, object]:
    return {"value": value, "code": unit, "system": "http://unitsofmeasure.org", **more}


TEMPERATURE = concept("8310-5")


def test_a_quantity_becomes_a_fact_with_key_time_and_source(read: Read) -> None:
    reading = read(observation(TEMPERATURE, valueQuantity=quantity(38.5)))

    (fact,) = reading.facts
    assert reading.outcome.kind is OutcomeKind.PROCESSED
    assert fact.patient.key == ("default|Patient", "p1")
    assert fact.key == "default|Observation|o1"
    assert fact.concept == "body-temperature"
    assert fact.value == Quantity(38.5, "Cel", Comparator.EXACT, "38.5 Cel")
    assert fact.effective.start_ms == from_rfc3339(AT)
    assert fact.effective.origin == "Observation.effectiveDateTime"
    assert (fact.version.major, fact.version.minor) == (from_rfc3339("2026-01-05T08:05:00Z"), 2)
    assert fact.source.place == "Observation"
    assert fact.result_status == "final"
    assert reading.message_at_ms == from_rfc3339("2026-01-05T08:05:00Z")


@pytest.mark.parametrize(
    ("written", "value", "comparator"),
    [
        (quantity(100.4, "[degF]"), 38.0, Comparator.EXACT),
        (quantity(38.5, "Cel", comparator="<"), 38.5, Comparator.BELOW),
        (quantity(38.5, "Cel", comparator=">="), 38.5, Comparator.AT_LEAST),
        ({"value": 38.5, "unit": "degF", "code": "Cel"}, None, Comparator.EXACT),
        ({"value": 38.5, "unit": "Celsius, oral", "code": "Cel"}, 38.5, Comparator.EXACT),
        ({"value": 38.5, "unit": "°C", "code": "none-such"}, 38.5, Comparator.EXACT),
        ({"value": "38.5", "unit": "°C"}, 38.5, Comparator.EXACT),
        ({"value": 1e300, "unit": "°C"}, None, Comparator.EXACT),
        ({"value": True, "unit": "°C"}, None, Comparator.EXACT),
        ({"value": 38.5}, None, Comparator.EXACT),
        ({"value": 38.5, "unit": "DegX"}, None, Comparator.EXACT),
        (quantity(38.5, "Cel", comparator="ad"), None, Comparator.EXACT),
    ],
)
def test_a_quantity_is_converted_or_refused(
    read: Read, written: dict[str, object], value: float | None, comparator: Comparator
) -> None:
    reading = read(observation(TEMPERATURE, valueQuantity=written))

    if value is None:
        assert reading.facts == ()
        assert [issue.is_quarantined for issue in reading.issues] == [True]
    else:
        (fact,) = reading.facts
        assert (fact.value.value, fact.value.comparator) == (value, comparator)


def test_a_number_beyond_any_range_is_refused(read: Read) -> None:
    reading = read(observation(TEMPERATURE, valueQuantity={"value": 1e308, "code": "Cel"}))

    assert [issue.kind for issue in reading.issues] == [IssueKind.IMPLAUSIBLE]


@pytest.mark.parametrize(
    "value", [{"valueString": "38.5 C"}, {"valueString": "101.3F oral"}, {"valueInteger": 38}]
)
def test_a_number_may_come_as_text_or_integer(read: Read, value: dict[str, object]) -> None:
    reading = read(observation(concept("T1", "urn:local"), **value), transport="fhir-test")

    assert len(reading.facts) + len(reading.issues) == 1


@pytest.mark.parametrize(
    "value",
    [
        {"valueRange": {"low": {"value": 36}, "high": {"value": 38}}},
        {"valueRatio": {"numerator": {"value": 1}}},
        {"valueTime": "12:00:00"},
        {"valueDateTime": AT},
        {"valuePeriod": {"start": AT}},
        {"valueBoolean": True},
    ],
)
def test_a_value_of_another_kind_is_no_number(read: Read, value: dict[str, object]) -> None:
    reading = read(observation(TEMPERATURE, **value))

    assert reading.facts == ()
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_VALUE]


def test_a_local_code_brings_its_own_unit(read: Read) -> None:
    reading = read(
        observation(concept("T1", "urn:local"), valueQuantity={"value": 100.4}), transport="fhir-test"
    )

    assert reading.facts[0].value == Quantity(38.0, "Cel", Comparator.EXACT, "100.4 [degF]")
    assert reading.facts[0].key == "fhir-test|Observation|o1"


def test_any_coding_that_is_known_decides(read: Read) -> None:
    code = {"coding": [{"system": "urn:none", "code": "X"}, {"system": LOINC, "code": "8310-5"}]}

    assert read(observation(code, valueQuantity=quantity(38))).facts[0].concept == "body-temperature"


def test_a_text_may_stand_for_the_code_of_a_feed(read: Read) -> None:
    reading = read(observation({"text": "POWER"}, valueString="4/5"), transport="fhir-test")

    assert reading.facts[0].value == Coded("recorded", "4/5")


def test_components_become_facts_of_one_group(read: Read) -> None:
    panel = observation(
        concept("85354-9"),
        component=[
            {"code": concept("8480-6"), "valueQuantity": quantity(120, "mm[Hg]")},
            {"code": concept("8462-4"), "valueQuantity": quantity(80, "mm[Hg]")},
            {"code": concept("8480-6"), "valueQuantity": quantity(121, "mm[Hg]")},
            {"code": concept("0000-0"), "valueQuantity": quantity(1, "mm[Hg]")},
        ],
    )

    reading = read(panel)

    assert [fact.key.removeprefix("default|Observation|o1|") for fact in reading.facts] == [
        "8480-6",
        "8462-4",
        "8480-6|2",
    ]
    groups = {fact.group for fact in reading.facts}
    assert {(group.key, group.replaces) for group in groups if group} == {("default|Observation|o1", True)}
    assert [(issue.kind, issue.place) for issue in reading.issues] == [
        (IssueKind.UNMAPPED_CODE, "Observation.component[3].code")
    ]


def test_members_of_a_panel_are_other_resources(read: Read) -> None:
    reading = read(observation(concept("85353-1"), hasMember=[{"reference": "Observation/o2"}]))

    assert (reading.facts, reading.issues) == ((), ())
    assert reading.outcome.kind is OutcomeKind.PROCESSED


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ({"valueCodeableConcept": concept("300202002", SNOMED)}, "V"),
        ({"valueCodeableConcept": {"text": "V"}}, "V"),
        ({"valueString": "u"}, "U"),
    ],
)
def test_an_answer_is_coded_or_text(read: Read, value: dict[str, object], answer: str) -> None:
    assert read(observation(concept("80288-4"), **value)).facts[0].value.code == answer


def test_an_interpretation_can_give_the_answer(read: Read) -> None:
    flag = [{"coding": [{"code": "POS"}]}]

    reading = read(observation(concept("606-4"), valueString="see report", interpretation=flag))

    assert reading.facts[0].value.code == "positive"


@pytest.mark.parametrize(
    ("site", "expected"),
    [("77568009", "back-pain-score"), ("69536005", "headache-score"), ("45048000", "neck-pain-score")],
)
def test_a_pain_score_belongs_to_its_site(read: Read, site: str, expected: str) -> None:
    pain = observation(concept("72514-3"), valueInteger=7, bodySite=concept(site, SNOMED))

    assert read(pain).facts[0].concept == expected


def test_a_finding_charted_as_an_observation_says_whether_it_is_there(read: Read) -> None:
    fever = observation(concept("386661006", SNOMED), valueString="absent")

    reading = read(fever)

    assert [fact.value for fact in reading.facts] in ([Assertion(AssertionStatus.ABSENT)], [])


SPECIMEN = {
    "resourceType": "Specimen",
    "id": "s1",
    "subject": {"reference": "Patient/p1"},
    "type": concept("258450006", SNOMED),
    "collection": {"collectedDateTime": "2026-01-05T07:30:00Z"},
}
GRAM = observation(
    concept("664-3"),
    valueString="No organisms seen",
    specimen={"reference": "Specimen/s1"},
    effectiveDateTime=None,
)


def test_a_specimen_of_the_bundle_gives_class_and_time(read: Read) -> None:
    reading = read(SPECIMEN, GRAM)

    gram = next(fact for fact in reading.facts if fact.concept == "csf-gram")
    assert (gram.specimen, gram.value.code) == ("csf", "negative")
    assert gram.effective.start_ms == from_rfc3339("2026-01-05T07:30:00Z")
    assert gram.effective.origin == "Observation.specimen.collection.collectedDateTime"


def test_a_specimen_may_be_contained(read: Read) -> None:
    inline = {**GRAM, "contained": [SPECIMEN], "specimen": {"reference": "#s1"}}

    assert [fact.concept for fact in read(inline).facts] == ["csf-gram"]


def test_the_same_code_of_another_specimen_is_something_else(read: Read) -> None:
    blood = {**SPECIMEN, "type": concept("119297000", SNOMED)}

    reading = read(blood, GRAM)

    assert (reading.facts, reading.issues) == ((), ())


def test_a_specimen_that_is_not_at_hand_leaves_the_result_unread(read: Read) -> None:
    reading = read(GRAM)

    assert [issue.kind for issue in reading.issues] == [IssueKind.UNMAPPED_CODE]


@pytest.mark.parametrize(
    ("elements", "at", "precision", "origin"),
    [
        ({"effectiveDateTime": "2026-01-05"}, "2026-01-05T00:00:00Z", Precision.DAY, "effectiveDateTime"),
        ({"effectiveDateTime": "2026-01-05T09:00:00+01:00"}, AT, Precision.SECOND, "effectiveDateTime"),
        ({"effectiveDateTime": None, "effectiveInstant": AT}, AT, Precision.SECOND, "effectiveInstant"),
        (
            {"effectiveDateTime": None, "effectivePeriod": {"start": AT}},
            AT,
            Precision.SECOND,
            "effectivePeriod",
        ),
        (
            {"effectiveDateTime": None, "effectivePeriod": {"end": AT}},
            AT,
            Precision.SECOND,
            "effectivePeriod",
        ),
        (
            {"effectiveDateTime": None, "effectiveTiming": {"event": [AT]}, "issued": AT},
            AT,
            Precision.SECOND,
            "issued",
        ),
        ({"effectiveDateTime": None}, "2026-01-05T08:05:00Z", Precision.SECOND, "meta.lastUpdated"),
    ],
)
def test_the_time_is_taken_from_where_it_stands(
    read: Read, elements: dict[str, object], at: str, precision: Precision, origin: str
) -> None:
    (fact,) = read(observation(TEMPERATURE, valueQuantity=quantity(38), **elements)).facts

    assert fact.effective.start_ms == from_rfc3339(at)
    assert fact.effective.precision is precision
    assert fact.effective.origin == f"Observation.{origin}"


def test_a_period_keeps_its_end(read: Read) -> None:
    period = {"start": AT, "end": "2026-01-05T08:04:00Z"}

    (fact,) = read(
        observation(TEMPERATURE, valueQuantity=quantity(38), effectiveDateTime=None, effectivePeriod=period)
    ).facts

    assert fact.effective.end_ms == from_rfc3339("2026-01-05T08:04:00Z")


@pytest.mark.parametrize(
    "effective",
    [
        {"effectiveDateTime": "5 January"},
        {"effectiveDateTime": "2026-02-30"},
        {"effectiveDateTime": "2026-01-06T08:00:00Z"},
        {"effectiveDateTime": "1806-01-05T08:00:00Z"},
        {"effectiveDateTime": None, "effectivePeriod": {"start": AT, "end": "2026-01-05T07:00:00Z"}},
        {"effectiveDateTime": None, "effectivePeriod": {"start": AT, "end": "soon"}},
    ],
)
def test_a_time_that_cannot_be_true_quarantines_the_fact(read: Read, effective: dict[str, object]) -> None:
    reading = read(observation(TEMPERATURE, valueQuantity=quantity(38), **effective))

    assert reading.outcome.kind is OutcomeKind.PROCESSED
    assert reading.facts == ()
    assert [(issue.kind, issue.is_quarantined) for issue in reading.issues] == [(IssueKind.BAD_TIME, True)]


def test_a_time_before_birth_is_not_used(read: Read) -> None:
    patient = {"resourceType": "Patient", "id": "p1", "birthDate": "2026-01-06"}

    reading = read(
        patient, observation(TEMPERATURE, valueQuantity=quantity(38)), timestamp="2026-01-07T08:00:00Z"
    )

    assert [fact.concept for fact in reading.facts] == ["birth-date"]
    assert {issue.subject for issue in reading.issues} >= {"body-temperature: before birth"}


def test_without_any_time_there_is_no_fact(read: Read) -> None:
    reading = read(observation(TEMPERATURE, valueQuantity=quantity(38), effectiveDateTime=None, meta=None))

    assert [issue.subject for issue in reading.issues] == ["body-temperature: no time given"]


@pytest.mark.parametrize(
    ("status", "rank", "shown", "is_deleted"),
    [
        ("preliminary", 1, "preliminary", False),
        ("final", 2, "final", False),
        ("amended", 3, "corrected", False),
        ("corrected", 3, "corrected", False),
        ("cancelled", 4, "", True),
        ("entered-in-error", 4, "", True),
        ("unknown", 1, "", False),
    ],
)
def test_the_status_ranks_the_version(
    read: Read, status: str, rank: int, shown: str, *, is_deleted: bool
) -> None:
    (fact,) = read(observation(TEMPERATURE, valueQuantity=quantity(38), status=status)).facts

    assert (fact.version.minor, fact.result_status, fact.is_deleted) == (rank, shown, is_deleted)
    assert (fact.value is None) == is_deleted


def test_a_correction_that_cannot_be_read_still_takes_the_older_value_back(read: Read) -> None:
    reading = read(observation(TEMPERATURE, valueString="see note", status="corrected"))

    assert [(fact.concept, fact.is_deleted) for fact in reading.facts] == [("body-temperature", True)]
    assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_VALUE]


@pytest.mark.parametrize("effective", ["5 January", "2026-01-06T08:00:00Z"])
def test_a_correction_at_a_time_that_cannot_be_true_takes_the_older_value_back(
    read: Read, effective: str
) -> None:
    reading = read(
        observation(TEMPERATURE, valueQuantity=quantity(38), status="corrected", effectiveDateTime=effective)
    )

    assert [(fact.concept, fact.is_deleted) for fact in reading.facts] == [("body-temperature", True)]
    (issue,) = reading.issues
    assert (issue.kind, issue.is_quarantined) == (IssueKind.BAD_TIME, True)
    assert issue.subject.startswith("body-temperature: ")


def test_collected_csf_is_a_fact_of_its_own(read: Read) -> None:
    (fact,) = read(SPECIMEN, timestamp=AT).facts

    assert (fact.concept, fact.value, fact.specimen) == ("csf-specimen", Coded("collected"), "csf")
    assert fact.effective.start_ms == from_rfc3339("2026-01-05T07:30:00Z")


@pytest.mark.parametrize(
    "elements",
    [
        {"collection": None},
        {"type": concept("119297000", SNOMED)},
        {"collection": {"collectedDateTime": AT, "bodySite": {"text": "VP shunt"}}},
        {"collection": {"collectedDateTime": AT, "method": {"text": "external ventricular drain"}}},
    ],
)
def test_fluid_that_tells_of_no_needle_is_no_fact(read: Read, elements: dict[str, object]) -> None:
    assert all(fact.is_deleted for fact in read({**SPECIMEN, **elements}, timestamp=AT).facts)


def test_a_specimen_that_turns_out_to_be_of_a_shunt_is_taken_back(read: Read) -> None:
    (first,) = read(SPECIMEN, timestamp=AT).facts
    (later,) = read({**SPECIMEN, "type": {"text": "CSF shunt"}}, timestamp="2026-01-05T12:00:00Z").facts
    assert (later.key, later.is_deleted, later.version > first.version) == (first.key, True, True)


def test_a_specimen_entered_in_error_is_taken_back(read: Read) -> None:
    assert [
        fact.is_deleted for fact in read({**SPECIMEN, "status": "entered-in-error"}, timestamp=AT).facts
    ] == [True]


@pytest.mark.parametrize(
    ("elements", "is_taken_back"),
    [
        ({"status": "entered-in-error", "code": {"text": "entered in error"}}, True),
        ({"status": "corrected", "code": {"text": "blood pressure"}}, True),
        ({"status": "final", "code": {"text": "blood pressure"}}, False),
        ({"status": "corrected", "effectiveDateTime": "?"}, True),
        ({"status": "final", "effectiveDateTime": "?"}, False),
    ],
    ids=[
        "in error",
        "corrected to what is not read",
        "of another code",
        "corrected, unreadable",
        "unreadable",
    ],
)
def test_a_correction_that_says_nothing_that_is_read_takes_the_older_version_back(
    read: Read, elements: dict[str, object], *, is_taken_back: bool
) -> None:
    key = read(observation(TEMPERATURE)).facts[0].key
    bare = read({**observation(TEMPERATURE), **elements})
    assert [(fact.key, fact.is_deleted) for fact in bare.facts] == ([(key, True)] if is_taken_back else [])


def test_a_registered_result_says_nothing_yet(read: Read) -> None:
    assert read(observation(TEMPERATURE, status="registered")).facts == ()


def test_a_version_without_a_value_takes_the_value_back(read: Read) -> None:
    (fact,) = read(observation(TEMPERATURE, dataAbsentReason={"text": "error"}, status="amended")).facts

    assert fact.is_deleted


def test_a_withdrawn_score_is_withdrawn_at_its_site(read: Read) -> None:
    back = concept("77568009", SNOMED)

    (fact,) = read(observation(concept("72514-3"), status="entered-in-error", bodySite=back)).facts

    assert (fact.concept, fact.is_deleted) == ("back-pain-score", True)


def test_a_withdrawal_is_not_lost_by_an_unreadable_time(read: Read) -> None:
    (fact,) = read(observation(TEMPERATURE, status="entered-in-error", effectiveDateTime="?")).facts

    assert fact.is_deleted
    assert fact.effective.start_ms == from_rfc3339("2026-01-05T08:05:00Z")


def test_an_unknown_code_is_reported_by_its_system_and_code(read: Read) -> None:
    reading = read(observation(concept("0000-0"), valueQuantity=quantity(1)))

    assert [(issue.kind, issue.subject) for issue in reading.issues] == [
        (IssueKind.UNMAPPED_CODE, "loinc|0000-0")
    ]


def test_free_text_in_place_of_a_code_is_never_repeated(read: Read) -> None:
    reading = read(observation({"text": "Invented Person's temperature"}, valueQuantity=quantity(1)))

    assert [issue.subject for issue in reading.issues] == ["text without a code"]


def test_a_code_that_looks_like_the_concept_is_not_used(read: Read) -> None:
    reading = read(observation(concept("39106-0"), valueQuantity=quantity(33)))

    assert (reading.facts, reading.issues) == ((), ())


def test_without_last_updated_the_version_is_when_it_was_issued_else_its_own_time(read: Read) -> None:
    issued = observation(TEMPERATURE, valueQuantity=quantity(38), meta=None, issued="2026-01-05T09:00:00Z")
    bare = observation(TEMPERATURE, valueQuantity=quantity(38), meta=None)

    assert read(issued).facts[0].version.major == from_rfc3339("2026-01-05T09:00:00Z")
    assert read(bare).facts[0].version.major == from_rfc3339(AT)


def test_a_resource_without_an_id_is_known_by_its_identifier_its_url_or_its_content(read: Read) -> None:
    plain = observation(TEMPERATURE, valueQuantity=quantity(38), id=None)
    numbered = {**plain, "identifier": [{"system": "urn:lab", "value": "7"}]}

    assert read(numbered).facts[0].key == "default|Observation|urn:lab#7"
    assert read(plain).facts[0].key == read(plain).facts[0].key


@pytest.mark.parametrize(
    ("elements", "count"),
    [
        ({"bodySite": {"text": "Skin"}}, 0),
        ({"method": {"text": "skin probe"}}, 0),
        ({"method": {"text": "tympanic"}}, 1),
        ({"bodySite": {"text": "ear"}}, 1),
    ],
)
def test_a_temperature_at_or_by_the_skin_is_not_read(
    read: Read, elements: dict[str, object], count: int
) -> None:
    reading = read(observation(TEMPERATURE, valueQuantity=quantity(38.5), **elements))
    assert (len(reading.facts), reading.issues) == (count, ())


def test_a_correction_that_says_skin_takes_the_value_back(read: Read) -> None:
    skin = {"bodySite": {"text": "Skin"}, "status": "corrected"}
    (fact,) = read(observation(TEMPERATURE, valueQuantity=quantity(38.5), **skin)).facts
    assert (fact.concept, fact.is_deleted) == ("body-temperature", True)
