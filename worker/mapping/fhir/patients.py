"""Patients: which numbers name one person, and when that person was born. Pure: no I/O, no clock.

Source: HL7 FHIR R4 and R5, `Patient.identifier`, `Patient.link`.
"""

from __future__ import annotations

from worker.decode.fhir.datatypes import Reference
from worker.decode.fhir.resources import Patient
from worker.mapping.fhir.scope import Scope
from worker.mapping.fhir.statement import Stated, Statement
from worker.mapping.fhir.subjects import find_subject, patient_identifiers
from worker.model.fact import Identifier, IdentityLink, Moment
from worker.model.time import EpochMs

BIRTH_DATE = "birth-date"
SAME = "same-pid"
LINKED = "patient-link"


def map_patient(patient: Patient, statement: Statement) -> None:
    """Add the birth date."""
    if patient.birth_date:
        born = statement.when((Stated("birthDate", patient.birth_date, may_be_vague=True),))
        if born is not None:
            statement.add(BIRTH_DATE, Moment(born.start_ms), born)


def patient_links(patient: Patient, scope: Scope, stated_ms: EpochMs) -> tuple[IdentityLink, ...]:
    """State that all numbers of a Patient name one person, and whom `Patient.link` names as the same person."""
    known = patient_identifiers(scope.feed, patient)
    if not known:
        return ()
    same = scope.feed.authorities.links(known, SAME, stated_ms)
    others = [
        IdentityLink(known[0], identifier, LINKED, stated_ms)
        for link in patient.link or ()
        for identifier in _linked(link.other, scope, patient)
        if identifier.key != known[0].key and scope.feed.authorities.may_join(identifier)
    ]
    return (*same, *others)


def _linked(other: Reference | None, scope: Scope, patient: Patient) -> tuple[Identifier, ...]:
    subject = find_subject(scope.feed, scope.references, other, patient)
    return subject.identifiers
