"""Patients: which numbers name one person, and when that person was born. Pure: no I/O, no clock.

Source: HL7 FHIR R4 and R5, `Patient.identifier`, `Patient.link`.
"""

from __future__ import annotations

from worker.decode.fhir.datatypes import Reference
from worker.decode.fhir.resources import Patient
from worker.mapping.fhir.scope import Scope
from worker.mapping.fhir.statement import Stated, Statement
from worker.mapping.fhir.subjects import find_subject, patient_identifiers
from worker.model.fact import DIED, EncounterValue, Identifier, IdentityLink, Moment
from worker.model.time import EpochMs

BIRTH_DATE = "birth-date"
DISCHARGE = "discharge"
DEATH = "death"
SAME = "same-pid"
LINKED = "patient-link"


def map_patient(patient: Patient, statement: Statement) -> None:
    """Add the birth date, and a death, which ends every stay; `deceasedBoolean` false takes one back."""
    _add_death(patient, statement)
    if patient.birth_date:
        born = statement.when((Stated("birthDate", patient.birth_date, may_be_vague=True),))
        if born is not None:
            statement.add(BIRTH_DATE, Moment(born.start_ms), born)


def _add_death(patient: Patient, statement: Statement) -> None:
    is_timed = bool(patient.deceased_date_time)
    if not is_timed and patient.deceased_boolean is None:
        return
    is_alive = not is_timed and not patient.deceased_boolean
    died = statement.when((Stated("deceasedDateTime", patient.deceased_date_time),), or_filed=True)
    if died is None:
        return
    part = DEATH if is_alive else f"{DEATH}|{died.start_ms}"
    value = EncounterValue("unknown", reason=DIED)
    statement.add(DISCHARGE, value, died, part=part, is_deleted=is_alive)
    statement.group_last(f"{statement.key}|{DEATH}", replaces=is_alive or is_timed)


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
