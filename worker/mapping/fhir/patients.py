"""Patients: which numbers name one person, and when that person was born. Pure: no I/O, no clock.

Source: HL7 FHIR R4 and R5, `Patient.identifier`, `Patient.link`, `meta`; ADR 0041.
"""

from __future__ import annotations

from worker.decode.fhir.datatypes import Reference
from worker.decode.fhir.resources import Patient
from worker.mapping.fhir.scope import Scope
from worker.mapping.fhir.statement import Stated, Statement, read_own_date
from worker.mapping.fhir.subjects import find_subject, patient_identifiers
from worker.model.fact import (
    DIED,
    PATIENT_LINK,
    SAME_PID,
    VERSION,
    EncounterValue,
    Identifier,
    IdentityLink,
    Moment,
)
from worker.model.time import EpochMs

BIRTH_DATE = "birth-date"
DISCHARGE = "discharge"
DEATH = "death"
_LEFT_OUT = frozenset({"SUBSETTED", "REDACTED", "MASKED"})


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
    """State that all numbers of a Patient name one person, and whom `Patient.link` names as the same person.

    Shape: a version that is whole says, too, that what older versions named beside it counts no more.
    """
    known = patient_identifiers(scope.feed, patient)
    if not known:
        return ()
    record = known[0] if patient.id else None
    same = scope.feed.authorities.links(known, SAME_PID, stated_ms, record)
    others = [
        IdentityLink(known[0], identifier, PATIENT_LINK, stated_ms, record)
        for link in patient.link or ()
        for identifier in _linked(link.other, scope, patient)
        if identifier.key != known[0].key and scope.feed.authorities.may_join(identifier)
    ]
    if record and _is_whole(patient, scope):
        return (*same, *others, IdentityLink(record, record, VERSION, stated_ms, record))
    return (*same, *others)


def _is_whole(patient: Patient, scope: Scope) -> bool:
    """Tell whether a server says that this is a version of the resource, and not that it left something out.

    What an interface writes of a patient has no version, and leaves out numbers and links that nobody asked it for.
    """
    meta = patient.meta
    if meta is None or not meta.version_id or not meta.labels.isdisjoint(_LEFT_OUT):
        return False
    return read_own_date(meta.last_updated, scope.feed.zone) is not None


def _linked(other: Reference | None, scope: Scope, patient: Patient) -> tuple[Identifier, ...]:
    subject = find_subject(scope.feed, scope.references, other, patient)
    return subject.identifiers
