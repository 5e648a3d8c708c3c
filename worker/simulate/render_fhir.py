"""Turn what happens to a made-up patient into FHIR R4 Bundles. Source: the table of the vignette format."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.simulate import fhir_writer as fhir
from worker.simulate.coding import (
    ANSWERS,
    CODINGS,
    DRUG_WORDS,
    DRUGS,
    INTERPRETATIONS,
    SITES,
    SPECIMENS,
    Kind,
    Term,
)
from worker.simulate.happenings import Happening, Person, Revision, number_text
from worker.simulate.visits import NO_STAY, Stay, bed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.model.time import EpochMs
    from worker.simulate.fhir_writer import Json

_CLASSES = {"inpatient": "IMP", "emergency": "EMER", "outpatient": "AMB"}
_OBSERVATION_STATUS = {
    Revision.ORIGINAL: "final",
    Revision.CORRECTED: "corrected",
    Revision.RETRACTED: "entered-in-error",
}
_PROCEDURE_STATUS = {"": "completed", "cancelled": "not-done"}
_BOUNDED = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Server:
    """How one FHIR server writes: its own codes by concept, and which of two usual ways it takes.

    Shape: `is_alternate` writes drugs as requests instead of administrations, and answers as text.
    """

    own_codes: Mapping[str, Term] = field(default_factory=dict)
    is_alternate: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whom a Bundle is about, who writes it, and its id."""

    person: Person
    patient_id: str
    server: Server
    bundle_id: str
    stay: Stay = NO_STAY


def render(happening: Happening, envelope: Envelope) -> bytes:
    """Write one happening as one Bundle: the Patient, and what happened, last updated at its receipt."""
    updated_ms = happening.received_at_ms
    patient = patient_of(envelope.person, envelope.patient_id, updated_ms)
    resources = resources_of(happening, envelope)
    return fhir.to_bytes(fhir.bundle(envelope.bundle_id, [patient, *resources], updated_ms))


def render_merge(prior: Person, happening: Happening, envelope: Envelope) -> bytes:
    """Write both Patients, each with a link to the other: the prior one, whose id is its number, is no longer in use."""
    updated_ms, prior_id = happening.received_at_ms, prior.identifiers[0].value
    kept = patient_of(envelope.person, envelope.patient_id, updated_ms)
    left = patient_of(prior, prior_id, updated_ms) | {"active": False}
    linked = [
        fhir.linked(kept, prior_id, "replaces"),
        fhir.linked(left, envelope.patient_id, "replaced-by"),
    ]
    return fhir.to_bytes(fhir.bundle(envelope.bundle_id, linked, updated_ms))


def resources_of(happening: Happening, envelope: Envelope) -> list[Json]:
    """Write one happening as resources, without the Patient."""
    return _WRITERS[CODINGS[happening.concept].kind](happening, envelope)


def patient_of(person: Person, patient_id: str, updated_ms: EpochMs) -> Json:
    """Write the Patient with all identifiers of a person."""
    return fhir.patient(
        fhir.Stated(patient_id, updated_ms, "", person.identifiers),
        person.family,
        person.given,
        person.birth_date,
        {"F": "female", "M": "male"}.get(person.sex, "unknown"),
    )


def _observation(happening: Happening, envelope: Envelope) -> list[Json]:
    coding = CODINGS[happening.concept]
    extra: Json = observed_value(happening, envelope.server)
    resources: list[Json] = []
    if coding.site and happening.concept not in envelope.server.own_codes:
        extra["bodySite"] = _concept(SITES[coding.site])
    if coding.specimen:
        specimen_id = f"{happening.name}-specimen"
        stated = _stated(happening, envelope, specimen_id)
        kind = _concept(SPECIMENS[happening.specimen or coding.specimen])
        resources.append(fhir.specimen(stated, kind, happening.at_ms))
        extra["specimen"] = {"reference": f"Specimen/{specimen_id}"}
    observation = fhir.observation(
        _stated(happening, envelope),
        _concept(_term(happening.concept, envelope.server)),
        happening.at_ms,
        extra,
        _OBSERVATION_STATUS[happening.revision],
    )
    return [*resources, observation]


def observed_value(happening: Happening, server: Server) -> Json:
    """Write `value[x]` of an Observation, and its interpretation where the value has one."""
    value, coding = happening.value, CODINGS[happening.concept]
    if coding.kind is Kind.QUANTITY:
        bounded = _BOUNDED.fullmatch(value.strip()) if isinstance(value, str) else None
        if bounded is not None:
            sign, number = bounded.groups()
            return {"valueQuantity": fhir.quantity(float(number), happening.unit_or(coding.unit), sign)}
        if isinstance(value, int | float):
            return {"valueQuantity": fhir.quantity(value, happening.unit_or(coding.unit))}
        return {"valueString": str(value)}
    text = number_text(value if value is not None else "")
    if coding.kind is Kind.TEXT:
        return {"valueString": text}
    answer = ANSWERS.get(text)
    flag = INTERPRETATIONS.get(text)
    written: Json = {}
    if answer is None:
        written["valueString" if server.is_alternate else "valueCodeableConcept"] = (
            text if server.is_alternate else fhir.concept(text=text)
        )
    elif server.is_alternate:
        # A result is written out; an ACVPU letter stands as the letter.
        written["valueCodeableConcept"] = fhir.concept(text=text if flag is None else answer.display)
    else:
        written["valueCodeableConcept"] = _concept(answer)
    if flag is not None:
        written["interpretation"] = [fhir.concept(fhir.Coding(fhir.INTERPRETATION_SYSTEM, flag))]
    return written


def _puncture(happening: Happening, envelope: Envelope) -> list[Json]:
    status = _PROCEDURE_STATUS.get(happening.status, happening.status)
    return [_procedure(happening, envelope, status)]


def _patch(happening: Happening, envelope: Envelope) -> list[Json]:
    return [_procedure(happening, envelope, "completed")]


def _procedure(happening: Happening, envelope: Envelope, status: str) -> Json:
    if happening.revision is Revision.RETRACTED:
        status = "entered-in-error"
    code = _concept(_term(happening.concept, envelope.server))
    written = fhir.procedure(_stated(happening, envelope), code, happening.at_ms, happening.at_ms, status)
    return fhir.on_a_day(written, happening.at_ms) if happening.is_date_only else written


def _note(happening: Happening, envelope: Envelope) -> list[Json]:
    term = _term("note", envelope.server)
    kind = fhir.concept(
        fhir.Coding(term.system, term.code, term.display), text=happening.title or term.display
    )
    text = base64.b64encode(happening.text.encode()).decode()
    status = "entered-in-error" if happening.revision is Revision.RETRACTED else "current"
    stated = _stated(happening, envelope)
    return [fhir.document_reference(stated, kind, text, happening.at_ms, status)]


def _drug(happening: Happening, envelope: Envelope) -> list[Json]:
    name = str(happening.value)
    drug = _concept(DRUGS.get(name, Term("", "", name)))
    stated = _stated(happening, envelope)
    is_retracted = happening.revision is Revision.RETRACTED
    dosage = _dosage(happening)
    if envelope.server.is_alternate:
        status = "cancelled" if is_retracted else "active"
        request = fhir.medication_request(stated, drug, happening.at_ms, status)
        return [request | ({"dosageInstruction": [dosage]} if dosage else {})]
    status = "entered-in-error" if is_retracted else "completed"
    given = fhir.medication_administration(stated, drug, happening.at_ms, status)
    return [given | ({"dosage": dosage} if dosage else {})]


def _dosage(happening: Happening) -> Json:
    said = ", ".join(DRUG_WORDS[name] for name in happening.qualifiers if name != "topical")
    written: Json = {"text": said} if said else {}
    if "topical" in happening.qualifiers:
        written["route"] = fhir.concept(text="Topical")
    return written


def _condition(happening: Happening, envelope: Envelope) -> list[Json]:
    code = _concept(_term(happening.concept, envelope.server))
    is_retracted = happening.revision is Revision.RETRACTED
    return [fhir.condition(_stated(happening, envelope), code, happening.at_ms, is_in_error=is_retracted)]


def _allergy(happening: Happening, envelope: Envelope) -> list[Json]:
    """Write an AllergyIntolerance: to a class of drugs, or in the other way to one drug of the class."""
    term = _term(happening.concept, envelope.server)
    if envelope.server.is_alternate:
        term = DRUGS["diclofenac"]
    is_retracted = happening.revision is Revision.RETRACTED
    stated = _stated(happening, envelope)
    return [fhir.allergy(stated, _concept(term), happening.at_ms, is_in_error=is_retracted)]


def _encounter(happening: Happening, envelope: Envelope) -> list[Json]:
    is_retracted = happening.revision is Revision.RETRACTED
    number = f"V-{happening.name}"
    stay = fhir.Stay(
        encounter_class=_CLASSES.get(str(happening.value), "AMB"),
        start_ms=happening.at_ms,
        reason=happening.text,
        status="entered-in-error" if is_retracted else "",
        place=bed_of(number, str(happening.value)),
        is_planned="planned" in happening.qualifiers,
    )
    return [fhir.encounter(_stated(happening, envelope, number), stay)]


def _discharge(happening: Happening, envelope: Envelope) -> list[Json]:
    known = envelope.stay
    is_retracted = happening.revision is Revision.RETRACTED
    number = known.number or f"V-{happening.name}"
    stay = fhir.Stay(
        encounter_class=_CLASSES.get(known.encounter_class, "AMB"),
        start_ms=known.admitted_ms,
        end_ms=None if is_retracted else happening.at_ms,
        reason=known.reason,
        disposition="" if is_retracted else str(happening.value or ""),
        place=bed_of(number, known.encounter_class),
    )
    return [fhir.encounter(_stated(happening, envelope, number), stay)]


_WRITERS: dict[Kind, Callable[[Happening, Envelope], list[Json]]] = {
    Kind.PUNCTURE: _puncture,
    Kind.PROCEDURE: _patch,
    Kind.QUANTITY: _observation,
    Kind.ANSWER: _observation,
    Kind.TEXT: _observation,
    Kind.NOTE: _note,
    Kind.DRUG: _drug,
    Kind.FINDING: _condition,
    Kind.ALLERGY: _allergy,
    Kind.ENCOUNTER: _encounter,
    Kind.DISCHARGE: _discharge,
}


def _stated(happening: Happening, envelope: Envelope, resource_id: str = "") -> fhir.Stated:
    return fhir.Stated(
        resource_id=resource_id or happening.name,
        updated_ms=happening.received_at_ms,
        patient_id=envelope.patient_id,
        patient_identifiers=envelope.person.identifiers,
        encounter_id=envelope.stay.number,
    )


def _term(concept: str, server: Server) -> Term:
    return server.own_codes.get(concept) or CODINGS[concept].term


def _concept(term: Term) -> Json:
    return fhir.concept(fhir.Coding(term.system, term.code, term.display), text=term.display)
