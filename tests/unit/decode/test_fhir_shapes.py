"""R4 and R5 shapes fit the same structs. Tests worker.decode.fhir.resources and datatypes."""

from __future__ import annotations

import json
from typing import TypeVar

import pytest

from worker.decode.fhir import decode_document
from worker.decode.fhir.datatypes import CodeableConcept, Coding, Quantity
from worker.decode.fhir.resources import (
    DocumentReference,
    Encounter,
    MedicationAdministration,
    Observation,
    Procedure,
    Resource,
    ServiceRequest,
    Specimen,
)

ResourceType = TypeVar("ResourceType", bound=Resource)


def decode(kind: type[ResourceType], **elements: object) -> ResourceType:
    body = json.dumps({"resourceType": kind.__name__, **elements}).encode()
    resource = decode_document(body).resources[0].resource
    assert isinstance(resource, kind)
    return resource


def test_the_class_of_an_encounter_is_one_coding_or_a_list_of_concepts() -> None:
    r4 = decode(Encounter, **{"class": {"code": "IMP"}})
    r5 = decode(Encounter, **{"class": [{"coding": [{"code": "IMP"}]}]})

    assert r4.class_ == Coding(code="IMP")
    assert r5.class_ == (CodeableConcept(coding=(Coding(code="IMP"),)),)


def test_an_encounter_has_a_period_or_an_actual_period() -> None:
    assert decode(Encounter, period={"start": "2026-01-05"}).period is not None
    assert decode(Encounter, actualPeriod={"start": "2026-01-05"}).actual_period is not None


def test_a_procedure_is_performed_or_occurs() -> None:
    assert decode(Procedure, performedDateTime="2026-01-05").performed_date_time == "2026-01-05"
    assert decode(Procedure, occurrenceDateTime="2026-01-05").occurrence_date_time == "2026-01-05"


def test_a_code_is_a_concept_or_a_codeable_reference() -> None:
    concept = {"coding": [{"code": "277762005"}]}

    r4 = decode(ServiceRequest, code=concept).code
    r5 = decode(ServiceRequest, code={"concept": concept}).code

    assert r4 is not None
    assert r5 is not None
    assert r4.stated.codings == r5.stated.codings


def test_a_drug_comes_in_three_shapes() -> None:
    concept = {"coding": [{"code": "11289"}]}

    assert (
        decode(MedicationAdministration, medicationCodeableConcept=concept).medication_codeable_concept
        is not None
    )
    assert (
        decode(MedicationAdministration, medicationReference={"reference": "#m"}).medication_reference
        is not None
    )
    r5 = decode(MedicationAdministration, medication={"concept": concept}).medication
    assert r5 is not None
    assert r5.concept is not None


@pytest.mark.parametrize("name", ["effectiveDateTime", "occurenceDateTime", "occurrenceDateTime"])
def test_a_dose_has_its_time_under_three_names(name: str) -> None:
    dose = decode(MedicationAdministration, **{name: "2026-01-05T08:00:00Z"})

    assert "2026-01-05T08:00:00Z" in (
        dose.effective_date_time,
        dose.occurence_date_time,
        dose.occurrence_date_time,
    )


def test_the_context_of_a_document_is_an_object_or_references() -> None:
    assert decode(DocumentReference, context={"period": {"start": "2026-01-05"}}).context is not None
    assert decode(DocumentReference, context=[{"reference": "Encounter/1"}]).context is not None


def test_the_relation_of_a_document_is_a_code_or_a_concept() -> None:
    assert decode(DocumentReference, relatesTo=[{"code": "replaces"}]).relates_to is not None
    assert (
        decode(DocumentReference, relatesTo=[{"code": {"coding": [{"code": "replaces"}]}}]).relates_to
        is not None
    )


def test_the_body_site_of_a_specimen_is_a_concept_or_a_codeable_reference() -> None:
    for site in ({"text": "lumbar"}, {"concept": {"text": "lumbar"}}):
        collection = decode(Specimen, collection={"bodySite": site}).collection
        assert collection is not None
        assert collection.body_site is not None
        assert collection.body_site.stated.text == "lumbar"


@pytest.mark.parametrize(
    ("written", "read"),
    [("37.50", "37.50"), ("-0", "-0"), ("1E2", "1E2"), ('"37.5"', "37.5"), ("null", ""), ("[]", "[]")],
)
def test_a_number_keeps_its_text(written: str, read: str) -> None:
    body = f'{{"resourceType":"Observation","valueQuantity":{{"value":{written}}}}}'.encode()
    resource = decode_document(body).resources[0].resource

    assert isinstance(resource, Observation)
    assert resource.value_quantity is not None
    assert resource.value_quantity.number_text == read


def test_an_absent_number_has_no_text() -> None:
    assert Quantity(unit="Cel").number_text == ""


def test_names_and_addresses_never_reach_memory() -> None:
    body = json.dumps({"resourceType": "Patient", "id": "p1", "name": [{"family": "Invented"}]}).encode()

    assert "Invented" not in repr(decode_document(body).resources[0].resource)
