"""Write FHIR R4 resources and Bundles as JSON: values in, bytes out, nothing else. Source: HL7 FHIR R4 (4.0.1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from worker.model.time import to_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from worker.model.fact import Identifier
    from worker.model.time import EpochMs
    from worker.simulate.visits import Bed

Json: TypeAlias = dict[str, object]

INTERPRETATION_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
CLASS_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PLACE_SYSTEM = "http://terminology.hl7.org/CodeSystem/location-physical-type"
DISPOSITION_SYSTEM = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
PRIORITY_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActPriority"
VERIFICATION_SYSTEM = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ALLERGY_VERIFICATION_SYSTEM = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
UCUM = "http://unitsofmeasure.org"
ORDER_SYSTEM = "urn:lpwatch:order"

_ENCOUNTER_ELEMENTS = {
    "Observation": "encounter",
    "Procedure": "encounter",
    "ServiceRequest": "encounter",
    "DiagnosticReport": "encounter",
    "MedicationAdministration": "context",
    "MedicationRequest": "encounter",
}


@dataclass(frozen=True, slots=True)
class Coding:
    """One code with the URI of its system; an empty code writes the text only."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """What every resource carries: its id, when it was last stated, which patient it is about, and on which stay.

    Shape: without `patient_id` the first identifier alone names the patient.
    """

    resource_id: str
    updated_ms: EpochMs
    patient_id: str = ""
    patient_identifiers: tuple[Identifier, ...] = ()
    encounter_id: str = ""


def bundle(bundle_id: str, resources: Iterable[Json], updated_ms: EpochMs) -> Json:
    """Put resources into a Bundle of type collection."""
    return {
        "resourceType": "Bundle",
        "id": bundle_id,
        "meta": {"lastUpdated": to_rfc3339(updated_ms)},
        "type": "collection",
        "timestamp": to_rfc3339(updated_ms),
        "entry": [_entry(resource) for resource in resources],
    }


def to_bytes(document: Json) -> bytes:
    """Write a resource as compact JSON in UTF-8, without a line break."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def concept(*codings: Coding, text: str = "") -> Json:
    """Write a CodeableConcept."""
    written = [
        {"system": coding.system, "code": coding.code}
        | ({"display": coding.display} if coding.display else {})
        for coding in codings
        if coding.code
    ]
    return ({"coding": written} if written else {}) | ({"text": text} if text else {})


def quantity(value: float, unit: str, comparator: str = "") -> Json:
    """Write a Quantity in UCUM; an empty unit is left out."""
    start: Json = {"value": value}
    if comparator:
        start["comparator"] = comparator
    return start | ({"unit": unit, "system": UCUM, "code": unit} if unit else {})


def transaction(bundle_id: str, resources: Iterable[Json], updated_ms: EpochMs) -> Json:
    """Put resources into a Bundle of type transaction, each to be put under its own id."""
    written = bundle(bundle_id, (), updated_ms) | {"type": "transaction"}
    written["entry"] = [
        _entry(resource)
        | {"request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}}
        for resource in resources
    ]
    return written


def message(bundle_id: str, resources: Iterable[Json], updated_ms: EpochMs, sender: str) -> Json:
    """Put resources into a Bundle of type message, after a MessageHeader; `sender` is the URL of who sends."""
    focused = tuple(resources)
    header: Json = {
        "resourceType": "MessageHeader",
        "id": f"{bundle_id}-header",
        "eventUri": f"{sender}/results",
        "source": {"endpoint": sender},
        "focus": [{"reference": f"{one['resourceType']}/{one['id']}"} for one in focused],
    }
    return bundle(bundle_id, (header, *focused), updated_ms) | {"type": "message"}


def patient(
    stated: Stated, family: str, given: str, birth_date: date | None, gender: str = "unknown"
) -> Json:
    """Write a Patient; its identifiers are `stated.patient_identifiers`."""
    born: Json = {} if birth_date is None else {"birthDate": birth_date.isoformat()}
    return (
        _resource("Patient", stated)
        | {
            "identifier": [_identifier(identifier) for identifier in stated.patient_identifiers],
            "name": [{"family": family, "given": [given]}],
            "gender": gender,
        }
        | born
    )


def linked(resource: Json, other_id: str, kind: str) -> Json:
    """Add `Patient.link` to a Patient; `kind` is replaces, replaced-by, refer or seealso."""
    return resource | {"link": [{"other": {"reference": f"Patient/{other_id}"}, "type": kind}]}


def observation(
    stated: Stated, code: Json, effective_ms: EpochMs, value: Json, status: str = "final"
) -> Json:
    """Write an Observation; `value` is merged in: a `value[x]`, and where wanted bodySite, specimen, interpretation."""
    return (
        _about("Observation", stated)
        | {
            "status": status,
            "code": code,
            "effectiveDateTime": to_rfc3339(effective_ms),
            "issued": to_rfc3339(stated.updated_ms),
        }
        | value
    )


def undated_observation(stated: Stated, code: Json, value: Json, status: str = "final") -> Json:
    """Write an Observation that says when it was issued, and not when it was true."""
    written = observation(stated, code, stated.updated_ms, value, status)
    return {name: found for name, found in written.items() if name != "effectiveDateTime"}


def specimen(stated: Stated, kind: Json, collected_ms: EpochMs) -> Json:
    """Write a Specimen."""
    return _about("Specimen", stated) | {
        "type": kind,
        "collection": {"collectedDateTime": to_rfc3339(collected_ms)},
    }


def procedure(
    stated: Stated, code: Json, start_ms: EpochMs, end_ms: EpochMs, status: str = "completed"
) -> Json:
    """Write a Procedure with its performedPeriod."""
    return _about("Procedure", stated) | {
        "status": status,
        "code": code,
        "performedPeriod": {"start": to_rfc3339(start_ms), "end": to_rfc3339(end_ms)},
    }


def on_a_day(resource: Json, at_ms: EpochMs) -> Json:
    """Say of a Procedure only the day on which it was done."""
    day = to_rfc3339(at_ms).partition("T")[0]
    kept = {name: found for name, found in resource.items() if name != "performedPeriod"}
    return kept | {"performedDateTime": day}


def condition(stated: Stated, code: Json, onset_ms: EpochMs, *, is_in_error: bool = False) -> Json:
    """Write a Condition."""
    return _about("Condition", stated) | {
        "verificationStatus": concept(Coding(VERIFICATION_SYSTEM, _verified(is_in_error=is_in_error))),
        "code": code,
        "onsetDateTime": to_rfc3339(onset_ms),
    }


def allergy(stated: Stated, code: Json, recorded_ms: EpochMs, *, is_in_error: bool = False) -> Json:
    """Write an AllergyIntolerance."""
    written = _about("AllergyIntolerance", stated) | {
        "verificationStatus": concept(
            Coding(ALLERGY_VERIFICATION_SYSTEM, _verified(is_in_error=is_in_error))
        ),
        "code": code,
        "recordedDate": to_rfc3339(recorded_ms),
    }
    written["patient"] = written.pop("subject")
    return written


def _verified(*, is_in_error: bool) -> str:
    return "entered-in-error" if is_in_error else "confirmed"


def service_request(
    stated: Stated, code: Json, at_ms: EpochMs, status: str = "completed", numbers: Iterable[str] = ()
) -> Json:
    """Write a ServiceRequest that is an order; `numbers` are those it goes by."""
    return _about("ServiceRequest", stated) | {
        "identifier": [{"system": ORDER_SYSTEM, "value": number} for number in numbers],
        "status": status,
        "intent": "order",
        "code": code,
        "occurrenceDateTime": to_rfc3339(at_ms),
    }


def diagnostic_report(
    stated: Stated, code: Json, at_ms: EpochMs, results: Iterable[str], status: str = "final"
) -> Json:
    """Write a DiagnosticReport; `results` are the ids of its Observations."""
    return _about("DiagnosticReport", stated) | {
        "status": status,
        "code": code,
        "effectiveDateTime": to_rfc3339(at_ms),
        "issued": to_rfc3339(stated.updated_ms),
        "result": [{"reference": f"Observation/{result}"} for result in results],
    }


def document_reference(
    stated: Stated, kind: Json, text_base64: str, at_ms: EpochMs, status: str = "current"
) -> Json:
    """Write a DocumentReference that carries its text as base64."""
    context: Json = {"period": {"start": to_rfc3339(at_ms), "end": to_rfc3339(at_ms)}}
    if stated.encounter_id:
        context["encounter"] = [_encounter(stated)]
    return _about("DocumentReference", stated) | {
        "masterIdentifier": {"system": "urn:lpwatch:document", "value": stated.resource_id},
        "status": status,
        "docStatus": "entered-in-error" if status == "entered-in-error" else "final",
        "type": kind,
        "date": to_rfc3339(at_ms),
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": text_base64}}],
        "context": context,
    }


def medication_administration(stated: Stated, drug: Json, at_ms: EpochMs, status: str = "completed") -> Json:
    """Write a MedicationAdministration."""
    return _about("MedicationAdministration", stated) | {
        "status": status,
        "medicationCodeableConcept": drug,
        "effectiveDateTime": to_rfc3339(at_ms),
    }


def medication_request(stated: Stated, drug: Json, at_ms: EpochMs, status: str = "active") -> Json:
    """Write a MedicationRequest that is an order."""
    return _about("MedicationRequest", stated) | {
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": drug,
        "authoredOn": to_rfc3339(at_ms),
    }


@dataclass(frozen=True, slots=True)
class Stay:
    """What an Encounter says; `end_ms` None while it lasts."""

    encounter_class: str
    start_ms: EpochMs | None
    end_ms: EpochMs | None = None
    reason: str = ""
    disposition: str = ""
    status: str = ""
    place: Bed | None = None
    is_planned: bool = False


def encounter(stated: Stated, stay: Stay) -> Json:
    """Write an Encounter: `class` is IMP, EMER or AMB."""
    period: Json = {}
    if stay.start_ms is not None:
        period["start"] = to_rfc3339(stay.start_ms)
    if stay.end_ms is not None:
        period["end"] = to_rfc3339(stay.end_ms)
    written = _about("Encounter", stated) | {
        "status": stay.status or ("in-progress" if stay.end_ms is None else "finished"),
        "class": {"system": CLASS_SYSTEM, "code": stay.encounter_class},
        "period": period,
    }
    if stay.place is not None:
        written["location"] = [_placed(stay.place.unit, "wa"), _placed(stay.place.bed, "bd")]
    if stay.is_planned:
        written["priority"] = concept(Coding(PRIORITY_SYSTEM, "EL", "elective"))
    if stay.reason:
        written["reasonCode"] = [{"text": stay.reason}]
    if stay.disposition:
        coding = Coding(DISPOSITION_SYSTEM, stay.disposition)
        written["hospitalization"] = {"dischargeDisposition": concept(coding, text=stay.disposition)}
    return written


def _placed(name: str, kind: str) -> Json:
    return {
        "location": {"display": name},
        "physicalType": {"coding": [{"system": PLACE_SYSTEM, "code": kind}]},
    }


def _entry(resource: Json) -> Json:
    url = f"https://lpwatch.example/fhir/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource}


def _resource(kind: str, stated: Stated) -> Json:
    return {
        "resourceType": kind,
        "id": stated.resource_id,
        "meta": {"lastUpdated": to_rfc3339(stated.updated_ms)},
    }


def _about(kind: str, stated: Stated) -> Json:
    subject: Json = (
        {"reference": f"Patient/{stated.patient_id}"} if stated.patient_id else {"type": "Patient"}
    )
    if stated.patient_identifiers:
        subject["identifier"] = _identifier(stated.patient_identifiers[0])
    written = _resource(kind, stated) | {"subject": subject}
    element = _ENCOUNTER_ELEMENTS.get(kind)
    if element and stated.encounter_id:
        written[element] = _encounter(stated)
    return written


def _encounter(stated: Stated) -> Json:
    return {"reference": f"Encounter/{stated.encounter_id}"}


def _identifier(identifier: Identifier) -> Json:
    written: Json = {"system": identifier.authority, "value": identifier.value}
    if identifier.type:
        written["type"] = {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": identifier.type}],
        }
    return written
