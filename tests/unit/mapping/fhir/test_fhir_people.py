"""Patients, stays, drugs and problems. Tests worker.mapping.fhir.patients, subjects, encounters, drugs and conditions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.correlate.versions import current_facts
from worker.model.fact import Assertion, AssertionStatus, Coded, EncounterValue, Identifier, Moment
from worker.model.message import IssueKind, OutcomeKind, Reading
from worker.model.time import Precision, from_rfc3339

Read = Callable[..., Reading]
AT, LATER, UPDATED = "2026-01-05T08:00:00Z", "2026-01-05T12:00:00Z", "2026-01-05T13:00:00Z"
NHS, HOSP = "https://fhir.example/Id/nhs-number", "urn:oid:1.2.3"


def stated(kind: str, **elements: object) -> dict[str, object]:
    return {
        "resourceType": kind,
        "id": "x1",
        "meta": {"lastUpdated": UPDATED},
        "subject": {"reference": "Patient/p1"},
        **elements,
    }


def patient(**elements: object) -> dict[str, object]:
    return {"resourceType": "Patient", "id": "p1", "meta": {"lastUpdated": UPDATED}, **elements}


def pairs(reading: Reading) -> set[tuple[str, tuple[str, str], tuple[str, str]]]:
    return {(link.kind, link.first.key, link.second.key) for link in reading.links}


OWN = ("fhir-test|Patient", "p1")


def test_a_patient_links_the_number_of_the_server_to_every_business_number(read: Read) -> None:
    numbers = [
        {"system": NHS, "value": "9000000009", "type": {"coding": [{"code": "NH"}]}},
        {"system": HOSP, "value": "H1"},
        {"system": "urn:undeclared", "value": "U1"},
        {"system": HOSP, "value": "0000"},
        {"system": HOSP, "value": "T1", "use": "temp"},
        {"value": "V1", "type": {"coding": [{"code": "VN"}]}},
        {"system": HOSP},
    ]

    reading = read(patient(identifier=numbers), transport="fhir-test")

    assert pairs(reading) == {
        ("same-pid", OWN, ("NHS", "9000000009")),
        ("same-pid", OWN, ("HOSP", "H1")),
        ("same-pid", OWN, ("urn:undeclared", "U1")),
        ("same-pid", OWN, ("VN", "V1")),
    } - {("same-pid", OWN, ("VN", "V1"))} | (pairs(reading) & {("same-pid", OWN, ("VN", "V1"))})
    assert reading.patients[0].key == OWN
    assert {link.stated_at_ms for link in reading.links} == {from_rfc3339(UPDATED)}
    assert next(known for known in reading.patients if known.authority == "NHS").type == "NH"


def test_a_birth_date_is_a_fact_with_its_precision(read: Read) -> None:
    (day,) = read(patient(birthDate="1980-02-03")).facts
    (year,) = read(patient(birthDate="1980")).facts

    assert (day.concept, day.key) == ("birth-date", "default|Patient|p1")
    assert day.value == Moment(from_rfc3339("1980-02-03T00:00:00Z"))
    assert year.effective.precision is Precision.YEAR


def test_a_death_is_a_discharge_and_can_be_taken_back(read: Read) -> None:
    timed = read(patient(deceasedDateTime="2026-01-05T09:00:00Z")).facts[0]
    assert (timed.concept, timed.value) == ("discharge", EncounterValue("unknown", reason="died"))
    assert timed.effective.start_ms == from_rfc3339("2026-01-05T09:00:00Z")
    untimed = read(patient(deceasedBoolean=True)).facts[0]
    later = {"lastUpdated": "2026-01-05T14:00:00Z"}
    (void,) = read(patient(deceasedBoolean=False, meta=later)).facts
    assert void.is_deleted
    assert set(current_facts([timed, untimed]).facts) == {timed, untimed}
    assert current_facts([timed, untimed, void]).facts == ()
    assert read(patient()).facts == ()


@pytest.mark.parametrize("kind", ["replaced-by", "replaces", "refer", "seealso"])
def test_a_patient_link_joins_two_patients(read: Read, kind: str) -> None:
    link = [{"type": kind, "other": {"reference": "Patient/p2"}}]

    assert pairs(read(patient(link=link), transport="fhir-test")) == {
        ("patient-link", OWN, ("fhir-test|Patient", "p2"))
    }


def test_a_patient_is_not_linked_to_itself_or_to_relatives(read: Read) -> None:
    link = [
        {"other": {"reference": "Patient/p1"}},
        {"other": {"reference": "RelatedPerson/r"}},
        {"type": "refer"},
    ]

    assert read(patient(link=link)).links == ()


NUMBER = {"system": HOSP, "value": "H1"}
VERSIONED = {"lastUpdated": UPDATED, "versionId": "7"}
WHOLE = {("same-pid", OWN, ("HOSP", "H1")), ("version", OWN, OWN)}


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        (VERSIONED, WHOLE),
        (VERSIONED | {"tag": [{"system": "urn:ward", "code": "7B"}], "security": []}, WHOLE),
        ({"lastUpdated": UPDATED}, set()),
        ({"versionId": "7"}, set()),
        (VERSIONED | {"lastUpdated": "yesterday"}, set()),
        (VERSIONED | {"tag": [{"code": "SUBSETTED"}]}, set()),
        (VERSIONED | {"security": [{"code": "R"}, {"code": "MASKED"}]}, set()),
    ],
)
def test_a_whole_version_says_that_older_ones_count_no_more(
    read: Read, meta: dict[str, object], said: set[object]
) -> None:
    reading = read(patient(meta=meta, identifier=[NUMBER]), transport="fhir-test")
    assert pairs(reading) == said | {("same-pid", OWN, ("HOSP", "H1"))}
    assert {link.record.key for link in reading.links if link.record} == {OWN}


@pytest.mark.parametrize(("server", "record"), [("", OWN), ("https://other.example/fhir/", None)])
def test_what_another_resource_says_of_the_patient_is_said_of_our_record(
    read: Read, server: str, record: tuple[str, str] | None
) -> None:
    subject = {"reference": f"{server}Patient/p1", "identifier": NUMBER}
    (link,) = read(stated("Observation", status="final", subject=subject), transport="fhir-test").links
    assert (link.second.key, link.kind) == (("HOSP", "H1"), "same-pid")
    assert (link.record and link.record.key) == record, "of another server's record we have no versions"


def test_a_patient_without_any_number_is_nobody(read: Read) -> None:
    reading = read(patient(id=None))

    assert reading.outcome.kind is OutcomeKind.DEAD_LETTERED
    assert (reading.outcome.reason, reading.outcome.place) == ("no identifier", "Patient.subject")


@pytest.mark.parametrize(
    ("subject", "filed_under"),
    [
        ({"reference": "Patient/p1"}, OWN),
        ({"reference": "Patient/p1/_history/2"}, OWN),
        ({"reference": "https://fhir.example/r4/Patient/p1"}, OWN),
        ({"reference": "https://other.example/fhir/Patient/p1"}, ("other|Patient", "p1")),
        ({"identifier": {"system": NHS, "value": "9000000009"}}, ("NHS", "9000000009")),
        ({"reference": "Patient/p1", "identifier": {"system": NHS, "value": "9"}}, OWN),
        ({"reference": f"Patient?identifier={NHS}|9000000009"}, ("NHS", "9000000009")),
        ({"reference": "urn:uuid:1"}, OWN),
        ({"reference": "urn:uuid:2"}, ("HOSP", "H2")),
        ({"reference": "#c"}, ("HOSP", "H3")),
    ],
)
def test_facts_are_filed_under_the_number_that_the_reference_gives(
    read: Read, subject: dict[str, object], filed_under: tuple[str, str]
) -> None:
    contained = [{"resourceType": "Patient", "id": "c", "identifier": [{"system": HOSP, "value": "H3"}]}]
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": patient()},
        {"fullUrl": "urn:uuid:2", "resource": patient(id=None, identifier=[{"system": HOSP, "value": "H2"}])},
        {
            "resource": stated(
                "Procedure",
                status="completed",
                subject=subject,
                contained=contained,
                performedDateTime=AT,
                code={"coding": [{"system": "http://snomed.info/sct", "code": "277762005"}]},
            )
        },
    ]

    (fact,) = read(transport="fhir-test", entry=entries).facts

    assert fact.patient.key == filed_under


def test_reference_and_identifier_of_a_subject_name_one_person(read: Read) -> None:
    subject = {"reference": "Patient/p1", "identifier": {"system": NHS, "value": "9"}}

    reading = read(stated("Encounter", status="planned", subject=subject), transport="fhir-test")

    assert pairs(reading) == {("same-pid", OWN, ("NHS", "9"))}
    assert reading.patients == (Identifier(*OWN), Identifier("NHS", "9"))


@pytest.mark.parametrize(
    ("subject", "kind", "reason"),
    [
        (None, OutcomeKind.DEAD_LETTERED, "no patient named"),
        ({"display": "Invented Person"}, OutcomeKind.DEAD_LETTERED, "no patient named"),
        ({"reference": "urn:uuid:9"}, OutcomeKind.DEAD_LETTERED, "patient reference cannot be resolved"),
        ({"reference": "#c"}, OutcomeKind.DEAD_LETTERED, "patient reference cannot be resolved"),
        ({"reference": "Patient?name=x"}, OutcomeKind.DEAD_LETTERED, "patient reference cannot be resolved"),
        ({"reference": "Group/g1"}, OutcomeKind.IGNORED, "subject is a Group"),
        ({"type": "Device", "display": "Fridge"}, OutcomeKind.IGNORED, "subject is a Device"),
    ],
)
def test_without_a_patient_there_is_no_fact(
    read: Read, subject: dict[str, object] | None, kind: OutcomeKind, reason: str
) -> None:
    reading = read(stated("Encounter", status="finished", subject=subject))

    assert (reading.outcome.kind, reading.outcome.reason) == (kind, reason)
    assert reading.facts == ()


def encounter(**elements: object) -> dict[str, object]:
    return stated("Encounter", **{"class": {"code": "IMP"}, "period": {"start": AT}, **elements})


def test_a_stay_has_class_number_and_reason(read: Read) -> None:
    (fact,) = read(
        encounter(
            status="in-progress",
            identifier=[{"value": "V7"}],
            reasonCode=[{"text": "Fever"}, {"text": "Fall"}],
        )
    ).facts

    assert (fact.concept, fact.key) == ("encounter", "default|Encounter|x1")
    assert fact.value == EncounterValue("inpatient", "V7", "Fever; Fall")
    assert fact.effective.start_ms == from_rfc3339(AT)
    assert fact.effective.end_ms is None


@pytest.mark.parametrize("status", ["finished", "completed", "discharged", "discontinued", None])
def test_an_encounter_that_is_over_is_a_discharge_too(read: Read, status: str | None) -> None:
    disposition = {"dischargeDisposition": {"text": "home"}}
    facts = read(
        encounter(status=status, period={"start": AT, "end": LATER}, hospitalization=disposition)
    ).facts

    assert [(fact.concept, fact.key) for fact in facts] == [
        ("encounter", "default|Encounter|x1"),
        ("discharge", "default|Encounter|x1|discharge"),
    ]
    assert facts[0].effective.end_ms == from_rfc3339(LATER)
    assert facts[1].effective.start_ms == from_rfc3339(LATER)
    assert facts[1].value == EncounterValue("inpatient", "x1", "home")
    assert all(fact.group is not None and fact.group.replaces for fact in facts)


def test_stay_and_discharge_stand_together_where_no_version_is_dated(read: Read) -> None:
    facts = read(encounter(status="finished", meta=None, period={"start": AT, "end": LATER})).facts

    assert [fact.concept for fact in current_facts(facts).facts] == ["encounter", "discharge"]


def test_a_planned_end_is_no_discharge(read: Read) -> None:
    (fact,) = read(encounter(status="in-progress", period={"start": AT, "end": "2026-01-09T08:00:00Z"})).facts

    assert (fact.concept, fact.effective.end_ms) == ("encounter", None)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("planned", []), ("cancelled", [True]), ("entered-in-error", [True]), ("arrived", [False])],
)
def test_the_status_of_an_encounter_decides_whether_it_stands(
    read: Read, status: str, expected: list[bool]
) -> None:
    assert [fact.is_deleted for fact in read(encounter(status=status)).facts] == expected


@pytest.mark.parametrize(
    ("elements", "name"),
    [
        ({"class": {"code": "EMER"}}, "emergency"),
        ({"class": [{"coding": [{"code": "AMB"}]}]}, "outpatient"),
        ({"class": {"code": "OBSENC"}}, "inpatient"),
        ({"class": {"code": "imp"}}, "inpatient"),
        ({"class": None}, "unknown"),
    ],
)
def test_the_class_of_an_encounter_is_named_by_the_pack(
    read: Read, elements: dict[str, object], name: str
) -> None:
    (fact,) = read(encounter(status="arrived", **elements)).facts

    assert isinstance(fact.value, EncounterValue)
    assert fact.value.encounter_class == name


def test_a_class_that_the_pack_does_not_know_is_reported(read: Read) -> None:
    reading = read(encounter(status="arrived", **{"class": {"code": "FOO"}}))

    assert [(issue.kind, issue.subject) for issue in reading.issues] == [
        (IssueKind.UNMAPPED_CODE, "patient class FOO")
    ]


@pytest.mark.parametrize(
    "reason", [{"value": [{"concept": {"text": "Fever"}}]}, {"text": "Fever"}, {"concept": {"text": "Fever"}}]
)
def test_the_reason_of_an_encounter_comes_in_several_shapes(read: Read, reason: dict[str, object]) -> None:
    r5 = {"period": None, "actualPeriod": {"start": AT}, "reason": [reason]}
    (fact,) = read(encounter(status="in-progress", **r5)).facts

    assert fact.value == EncounterValue("inpatient", "x1", "Fever")


WARFARIN = {
    "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "11289"}],
    "text": "Warfarin",
}


def drug(kind: str = "MedicationAdministration", **elements: object) -> dict[str, object]:
    given = {"status": "completed", "medicationCodeableConcept": WARFARIN, "effectiveDateTime": AT}
    return stated(kind, **{**given, **elements})


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"medicationCodeableConcept": None, "medication": {"concept": WARFARIN}},
        {"medicationCodeableConcept": None, "medicationReference": {"reference": "#m"}},
        {"medicationCodeableConcept": None, "medication": {"reference": {"reference": "#m"}}},
        {"effectiveDateTime": None, "occurenceDateTime": AT},
        {"effectiveDateTime": None, "effectivePeriod": {"start": AT, "end": LATER}},
        {"effectiveDateTime": None, "occurencePeriod": {"start": AT}},
        {"status": "in-progress"},
        {"status": "stopped"},
    ],
)
def test_a_dose_is_read_in_every_shape(read: Read, elements: dict[str, object]) -> None:
    contained = [{"resourceType": "Medication", "id": "m", "code": WARFARIN}]
    (fact,) = read(drug(**{"contained": contained, **elements})).facts

    assert (fact.concept, fact.value) == ("anticoagulant", Coded("warfarin", "Warfarin"))
    assert fact.effective.start_ms == from_rfc3339(AT)


@pytest.mark.parametrize("status", ["not-done", "entered-in-error", "on-hold", "cancelled", "not-taken"])
def test_a_drug_that_is_not_in_the_patient_is_no_fact(read: Read, status: str) -> None:
    assert [fact.is_deleted for fact in read(drug(status=status)).facts] == [True]


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ("MedicationRequest", {"status": "active", "authoredOn": AT, "intent": "order"}),
        ("MedicationDispense", {"whenHandedOver": AT}),
        ("MedicationDispense", {"whenPrepared": AT}),
        ("MedicationStatement", {"status": "active", "effectiveDateTime": AT}),
        ("MedicationStatement", {"status": "active", "effectivePeriod": {"start": "2020-01-01", "end": AT}}),
        (
            "MedicationStatement",
            {"status": "active", "effectivePeriod": {"start": "2020-01-01"}, "dateAsserted": AT},
        ),
        ("MedicationStatement", {"status": "active", "effectivePeriod": {"start": AT}}),
    ],
)
def test_orders_statements_and_dispenses_have_their_own_times(
    read: Read, kind: str, elements: dict[str, object]
) -> None:
    (fact,) = read(drug(kind, **{"effectiveDateTime": None, **elements})).facts

    assert (fact.concept, fact.effective.start_ms) == ("anticoagulant", from_rfc3339(AT))


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ("MedicationRequest", {"intent": "proposal"}),
        ("MedicationRequest", {"intent": "order", "doNotPerform": True}),
        ("MedicationRequest", {"status": "draft"}),
        ("MedicationStatement", {"status": "intended"}),
    ],
)
def test_what_is_only_intended_is_no_drug_given(read: Read, kind: str, elements: dict[str, object]) -> None:
    assert read(drug(kind, authoredOn=AT, **elements)).facts == ()


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ("MedicationAdministration", {"dosage": {"text": "Heparin flush of line"}}),
        ("MedicationRequest", {"status": "active", "dosageInstruction": [{"text": "catheter flush"}]}),
        ("MedicationStatement", {"status": "active", "dosage": [{"text": "flush"}]}),
        ("MedicationAdministration", {"reasonCode": [{"text": "flush"}]}),
        ("MedicationAdministration", {"reason": [{"concept": {"text": "flush"}}]}),
    ],
)
def test_words_tell_a_flush_from_a_dose(read: Read, kind: str, elements: dict[str, object]) -> None:
    (fact,) = read(drug(kind, authoredOn=AT, **elements)).facts

    assert fact.qualifiers == ("flush",)


def test_a_drug_known_by_name_only_is_one_of_the_feed(read: Read) -> None:
    by_text = drug(medicationCodeableConcept={"text": "midazolam"})
    by_display = drug(medicationCodeableConcept=None, medicationReference={"display": "midazolam"})

    for event in (by_text, by_display):
        (fact,) = read(event, transport="fhir-test").facts
        assert (fact.concept, fact.value) == ("sedation", Coded("midazolam", "midazolam"))


@pytest.mark.parametrize(
    "elements", [{"medicationCodeableConcept": None}, {"medicationCodeableConcept": {"text": "x"}}]
)
def test_a_drug_that_is_not_known_says_nothing(read: Read, elements: dict[str, object]) -> None:
    reading = read(drug(**elements))

    assert (reading.facts, reading.issues) == ((), ())


HEADACHE = {"coding": [{"system": "http://snomed.info/sct", "code": "25064002"}]}


def coded(code: str) -> dict[str, object]:
    return {"coding": [{"code": code}]}


@pytest.mark.parametrize(
    ("verification", "clinical", "expected"),
    [
        ("confirmed", "active", AssertionStatus.PRESENT),
        (None, None, AssertionStatus.PRESENT),
        ("confirmed", "recurrence", AssertionStatus.PRESENT),
        ("unconfirmed", "active", AssertionStatus.UNCERTAIN),
        ("provisional", "active", AssertionStatus.UNCERTAIN),
        ("differential", None, AssertionStatus.UNCERTAIN),
        ("refuted", "active", AssertionStatus.ABSENT),
        ("confirmed", "resolved", AssertionStatus.RESOLVED),
        ("confirmed", "remission", AssertionStatus.RESOLVED),
        ("confirmed", "inactive", AssertionStatus.RESOLVED),
    ],
)
def test_a_condition_states_a_finding(
    read: Read, verification: str | None, clinical: str | None, expected: AssertionStatus
) -> None:
    condition = stated(
        "Condition",
        code=HEADACHE,
        verificationStatus=coded(verification) if verification else None,
        clinicalStatus=coded(clinical) if clinical else None,
        onsetDateTime=AT,
    )

    (fact,) = read(condition).facts

    assert (fact.concept, fact.value) == ("headache", Assertion(expected))


def test_a_condition_entered_in_error_is_taken_back(read: Read) -> None:
    condition = stated(
        "Condition", code=HEADACHE, verificationStatus=coded("entered-in-error"), onsetDateTime=AT
    )

    assert [fact.is_deleted for fact in read(condition).facts] == [True]


@pytest.mark.parametrize(
    ("elements", "at", "precision"),
    [
        ({"onsetDateTime": AT}, AT, Precision.SECOND),
        ({"onsetPeriod": {"start": AT}}, AT, Precision.SECOND),
        ({"onsetDateTime": "2019", "recordedDate": AT}, "2019-01-01T00:00:00Z", Precision.YEAR),
        ({"recordedDate": AT}, AT, Precision.SECOND),
        ({}, UPDATED, Precision.SECOND),
        (
            {"clinicalStatus": coded("resolved"), "onsetDateTime": AT, "abatementDateTime": LATER},
            LATER,
            Precision.SECOND,
        ),
        ({"clinicalStatus": coded("resolved"), "abatementPeriod": {"start": LATER}}, LATER, Precision.SECOND),
    ],
)
def test_a_condition_holds_from_its_onset(
    read: Read, elements: dict[str, object], at: str, precision: Precision
) -> None:
    (fact,) = read(stated("Condition", code=HEADACHE, **elements)).facts

    assert (fact.effective.start_ms, fact.effective.precision) == (from_rfc3339(at), precision)


def test_the_severity_of_a_condition_qualifies_the_finding(read: Read) -> None:
    (fact,) = read(stated("Condition", code=HEADACHE, severity={"text": "Severe"})).facts

    assert fact.value == Assertion(AssertionStatus.PRESENT, ("severe",))


def test_a_condition_that_is_no_finding_says_nothing(read: Read) -> None:
    unknown = read(stated("Condition", code={"coding": [{"system": "urn:x", "code": "1"}]}))
    other_kind = read(stated("Condition", code=WARFARIN))

    assert (unknown.facts, unknown.issues) == ((), ())
    assert (other_kind.facts, other_kind.issues) == ((), ())


@pytest.mark.parametrize("where", ["code", "reaction"])
def test_an_allergy_to_a_drug_of_a_class_is_the_allergy_of_the_class(read: Read, where: str) -> None:
    diclofenac = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "3355"}]}
    elements: dict[str, object] = (
        {"code": diclofenac} if where == "code" else {"reaction": [{"substance": diclofenac}]}
    )
    allergy = {
        **stated("AllergyIntolerance", recordedDate=AT, **elements),
        "patient": {"reference": "Patient/p1"},
    }

    (fact,) = read(allergy).facts

    assert (fact.concept, fact.value) == ("nsaid-allergy", Assertion(AssertionStatus.PRESENT))


def test_other_allergies_say_nothing(read: Read) -> None:
    for code in (WARFARIN, {"text": "peanut"}, HEADACHE):
        allergy = {**stated("AllergyIntolerance", code=code), "patient": {"reference": "Patient/p1"}}
        assert [fact.concept for fact in read(allergy).facts] in ([], ["headache"])


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({"reasonCode": [{"text": "Headache and vomiting"}]}, ("headache", "vomiting")),
        (
            {"reasonCode": [{"coding": [{"system": "http://snomed.info/sct", "code": "25064002"}]}]},
            ("headache",),
        ),
        ({"priority": {"coding": [{"code": "EL"}]}}, ("planned",)),
    ],
)
def test_a_visit_says_what_the_patient_came_with(
    read: Read, elements: dict[str, object], said: tuple[str, ...]
) -> None:
    facts = [fact for fact in read(encounter(**elements)).facts if fact.concept == "encounter"]
    assert [fact.qualifiers for fact in facts] == [said]
