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

Json: TypeAlias = dict[str, object]

INTERPRETATION_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
CLASS_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
DISPOSITION_SYSTEM = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Coding:
    """One code with the URI of its system; an empty code writes the text only."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Stated:
    """What every resource carries: its id, when it was last stated, and which patient it is about."""

    resource_id: str
    updated_ms: EpochMs
    patient_id: str = ""
    patient_identifiers: tuple[Identifier, ...] = ()


def bundle(bundle_id: str, resources: Iterable[Json], updated_ms: EpochMs) -> Json:
    """Put resources into a Bundle of type collection."""
    return {
        "resourceType": "Bundle",
        "id": bundle_id,
        "meta": {"lastUpdated": to_rfc3339(updated_ms)},
        "type": "collection",
        "timestamp": to_rfc3339(updated_ms),
        "entry": [
            {
                "fullUrl": f"https://lpwatch.example/fhir/{entry['resourceType']}/{entry['id']}",
                "resource": entry,
            }
            for entry in resources
        ],
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
    """Write a Quantity in UCUM."""
    start: Json = {"value": value}
    if comparator:
        start["comparator"] = comparator
    return start | {"unit": unit, "system": UCUM, "code": unit}


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


def document_reference(
    stated: Stated, kind: Json, text_base64: str, at_ms: EpochMs, status: str = "current"
) -> Json:
    """Write a DocumentReference that carries its text as base64."""
    return _about("DocumentReference", stated) | {
        "masterIdentifier": {"system": "urn:lpwatch:document", "value": stated.resource_id},
        "status": status,
        "docStatus": "entered-in-error" if status == "entered-in-error" else "final",
        "type": kind,
        "date": to_rfc3339(at_ms),
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": text_base64}}],
        "context": {"period": {"start": to_rfc3339(at_ms), "end": to_rfc3339(at_ms)}},
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
    if stay.reason:
        written["reasonCode"] = [{"text": stay.reason}]
    if stay.disposition:
        coding = Coding(DISPOSITION_SYSTEM, stay.disposition)
        written["hospitalization"] = {"dischargeDisposition": concept(coding, text=stay.disposition)}
    return written


def _resource(kind: str, stated: Stated) -> Json:
    return {
        "resourceType": kind,
        "id": stated.resource_id,
        "meta": {"lastUpdated": to_rfc3339(stated.updated_ms)},
    }


def _about(kind: str, stated: Stated) -> Json:
    reference: Json = {"reference": f"Patient/{stated.patient_id}"}
    if stated.patient_identifiers:
        reference["identifier"] = _identifier(stated.patient_identifiers[0])
    return _resource(kind, stated) | {"subject": reference}


def _identifier(identifier: Identifier) -> Json:
    written: Json = {"system": identifier.authority, "value": identifier.value}
    if identifier.type:
        written["type"] = {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": identifier.type}],
        }
    return written
