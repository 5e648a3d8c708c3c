"""One FHIR document to a reading: facts, identity links and issues. Pure: no I/O, no clock.

Each resource is read by the handler of its type; what one resource lacks never touches another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from worker.decode.fhir import Deletion, FhirDocument, Placed, References, decode_document
from worker.decode.fhir.datatypes import Reference
from worker.decode.fhir.resource_types import known_type
from worker.decode.fhir.resources import (
    AllergyIntolerance,
    Communication,
    Composition,
    Condition,
    DiagnosticReport,
    DocumentReference,
    Encounter,
    MedicationAdministration,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    Observation,
    Patient,
    Procedure,
    Resource,
    ServiceRequest,
    Specimen,
)
from worker.mapping.feeds import Feed
from worker.mapping.fhir import status as codes
from worker.mapping.fhir.claims import claim_of, deletion_claim
from worker.mapping.fhir.codes import first_code
from worker.mapping.fhir.compositions import map_composition
from worker.mapping.fhir.conditions import map_allergy, map_condition
from worker.mapping.fhir.documents import map_communication, map_diagnostic_report, map_document_reference
from worker.mapping.fhir.drugs import map_drug
from worker.mapping.fhir.encounters import map_encounter
from worker.mapping.fhir.observations import map_observation
from worker.mapping.fhir.patients import map_patient, patient_links
from worker.mapping.fhir.procedures import map_procedure, map_service_request
from worker.mapping.fhir.scope import Scope
from worker.mapping.fhir.specimens import map_specimen
from worker.mapping.fhir.statement import Statement, is_ahead, read_own_date
from worker.mapping.fhir.status import Status
from worker.mapping.fhir.subjects import Subject, find_subject, is_server_number, patient_identifiers
from worker.mapping.pack import MappingPack
from worker.model.errors import DecodeError
from worker.model.fact import SAME_PID, Claim, Fact, Identifier, IdentityLink
from worker.model.message import Issue, IssueKind, Outcome, OutcomeKind, RawMessage, Reading
from worker.model.time import EpochMs
from worker.notes.reader import NoteReader

_PROCESSED = Outcome(OutcomeKind.PROCESSED)
_UNNAMED = "a deletion that names no resource"
Read = TypeVar("Read", bound=Resource)


def map_fhir(
    raw: RawMessage, pack: MappingPack, notes: NoteReader, latest_ms: EpochMs | None = None
) -> Reading:
    """Read all that one FHIR document says; a time of writing later than `latest_ms` is not believed (ADR 0042).

    Shape: processed where at least one resource is of a type that is read and names a patient; what else stands in a Bundle
    is left alone, and a bad entry is an issue that is kept with its bytes. Never raises for what the bytes hold.
    """
    feed = pack.feed_of("", "", raw.transport)
    try:
        document = decode_document(raw.body)
    except DecodeError as problem:
        return Reading(Outcome(OutcomeKind.DEAD_LETTERED, problem.reason, problem.place), feed=feed.id)
    return _Mapper(document, _scope(document, raw, feed, pack, notes, latest_ms)).reading()


class _HasStatus(Protocol):
    @property
    def status(self) -> str | None: ...


def _status_code(resource: _HasStatus) -> str:
    return resource.status or ""


def _verification(resource: Condition | AllergyIntolerance) -> str:
    return first_code(resource.verification_status)


def _document_status(document: DocumentReference) -> str:
    """Return the document's own status, which says more than "current" of the reference to it."""
    status = document.status or ""
    return status if status in codes.REFERENCE_VOID else document.doc_status or status


def _no_status(patient: Patient) -> str:
    del patient
    return ""


@dataclass(frozen=True, slots=True)
class _Handler(Generic[Read]):
    """How a type of resource is read: by which function, with which meaning of its status, dated by which elements.

    Shape: `subject` is the element that names the patient, empty for the patient.
    """

    read: Callable[[Read, Statement], None]
    statuses: Mapping[str, Status]
    dates: tuple[str, ...] = ()
    status_of: Callable[[Any], str] = _status_code  # Any: takes what `read` takes
    subject: str = "subject"


_HANDLERS: dict[type, _Handler[Any]] = {  # Any: each handler takes the type it stands under
    Patient: _Handler(map_patient, {}, (), _no_status, ""),
    Observation: _Handler(map_observation, codes.RESULT, ("issued",)),
    Specimen: _Handler(map_specimen, codes.SPECIMEN),
    Procedure: _Handler(map_procedure, codes.PROCEDURE, ("recorded",)),
    ServiceRequest: _Handler(map_service_request, codes.ORDER, ("authored_on",)),
    Encounter: _Handler(map_encounter, codes.ENCOUNTER),
    Condition: _Handler(map_condition, codes.VERIFICATION, ("recorded_date",), _verification),
    AllergyIntolerance: _Handler(
        map_allergy, codes.VERIFICATION, ("recorded_date",), _verification, "patient"
    ),
    DocumentReference: _Handler(map_document_reference, codes.DOCUMENT, ("date",), _document_status),
    Composition: _Handler(map_composition, codes.DOCUMENT, ("date",), subject="about"),
    DiagnosticReport: _Handler(map_diagnostic_report, codes.RESULT, ("issued",)),
    Communication: _Handler(map_communication, codes.COMMUNICATION, ("sent",)),
    MedicationAdministration: _Handler(map_drug, codes.DRUG),
    MedicationRequest: _Handler(map_drug, codes.DRUG, ("authored_on",)),
    MedicationStatement: _Handler(map_drug, codes.DRUG, ("date_asserted",)),
    MedicationDispense: _Handler(map_drug, codes.DRUG, ("when_handed_over",)),
}

_TYPES = frozenset(kind.__name__ for kind in _HANDLERS)


class _Mapper:
    """Read the resources of one document, one after the other."""

    def __init__(self, document: FhirDocument, scope: Scope) -> None:
        self._document = document
        self._scope = scope
        self._facts: list[Fact] = []
        self._links: list[IdentityLink] = []
        self._claims: list[Claim] = []
        self._issues: list[Issue] = []
        self._patients: dict[tuple[str, str], Identifier] = {}
        self._is_handled = False
        self._passed_over: list[Outcome] = []

    def reading(self) -> Reading:
        for placed in self._document.resources:
            self._read(placed)
        for deletion in self._document.deletions:
            self._delete(deletion)
        for entry in self._document.bad_entries:
            self._issues.append(Issue(IssueKind.BAD_ENTRY, entry.place, entry.reason, is_quarantined=True))
        scope = self._scope
        # By position: by name costs as much again.
        return Reading(
            self._outcome(),
            scope.feed.id,
            self._document.type_name,
            scope.message_id,
            scope.message_at_ms,
            tuple(self._patients.values()),
            tuple(self._facts),
            tuple(dict.fromkeys(self._links)) if self._links else (),
            tuple(self._issues),
            tuple(self._claims),
        )

    def _outcome(self) -> Outcome:
        if self._is_handled:
            return _PROCESSED
        lost = [outcome for outcome in self._passed_over if outcome.kind is OutcomeKind.DEAD_LETTERED]
        lost += [
            Outcome(OutcomeKind.DEAD_LETTERED, entry.reason, entry.place)
            for entry in self._document.bad_entries
        ]
        if lost:
            return lost[0]
        return (
            self._passed_over[0]
            if self._passed_over
            else Outcome(OutcomeKind.IGNORED, "Bundle without resources")
        )

    def _read(self, placed: Placed) -> None:
        resource: Any = placed.resource  # Any: each handler takes the type it stands under
        handler = _HANDLERS.get(type(resource))
        if handler is None or resource.type_name in self._scope.feed.ignored_messages:
            self._leave(resource.type_name)
            return
        subject = self._subject(resource, handler.subject)
        if not subject.identifiers:
            self._pass_over(placed, subject)
            return
        self._is_handled = True
        for identifier in subject.identifiers:
            self._patients.setdefault((identifier.authority, identifier.value), identifier)
        self._map(placed, resource, handler, subject)

    def _leave(self, type_name: str) -> None:
        """Ignore a type that is not read."""
        self._passed_over.append(Outcome(OutcomeKind.IGNORED, f"resource type {known_type(type_name)}"))

    def _delete(self, deletion: Deletion) -> None:
        """Note that a resource is gone; where a search or nothing says which, that is a loss."""
        claim = deletion_claim(deletion, self._scope)
        if claim is None:
            self._passed_over.append(Outcome(OutcomeKind.DEAD_LETTERED, _UNNAMED, deletion.place))
            self._issues.append(Issue(IssueKind.BAD_ENTRY, deletion.place, _UNNAMED, is_quarantined=True))
            return
        type_name = claim.resource.split("|")[1]
        if type_name not in _TYPES or type_name in self._scope.feed.ignored_messages:
            self._leave(type_name)
            return
        self._is_handled = True
        self._claims.append(claim)

    def _map(self, placed: Placed, resource: Resource, handler: _Handler[Any], subject: Subject) -> None:
        status = handler.statuses.get(handler.status_of(resource), codes.UNKNOWN)
        statement = Statement(self._scope, placed, subject.identifiers[0], status, handler.dates)
        if not handler.subject and isinstance(resource, Patient):
            self._links.extend(patient_links(resource, self._scope, statement.stated_ms))
        elif len(subject.identifiers) > 1:
            first, feed = subject.identifiers[0], self._scope.feed
            record = first if is_server_number(feed, first) else None
            self._links.extend(
                feed.authorities.links(subject.identifiers, SAME_PID, statement.stated_ms, record)
            )
        if not status.is_silent:
            handler.read(resource, statement)
            statement.take_back_unsaid()
        self._facts.extend(statement.facts)
        claim = claim_of(placed, statement)
        if claim is not None:
            self._claims.append(claim)
        self._issues.extend(statement.issues)

    def _pass_over(self, placed: Placed, subject: Subject) -> None:
        """Ignore what is known to be about no patient; a patient that cannot be read is a loss."""
        kind = OutcomeKind.IGNORED if subject.is_other else OutcomeKind.DEAD_LETTERED
        place = (
            f"{placed.place}.{'patient' if isinstance(placed.resource, AllergyIntolerance) else 'subject'}"
        )
        self._passed_over.append(Outcome(kind, subject.reason, "" if subject.is_other else place))
        if not subject.is_other:
            self._issues.append(Issue(IssueKind.BAD_ENTRY, place, subject.reason, is_quarantined=True))

    def _subject(self, resource: Resource, element: str) -> Subject:
        scope = self._scope
        if not element and isinstance(resource, Patient):
            known = patient_identifiers(scope.feed, resource)
            return Subject(known, "" if known else "no identifier")
        reference: Reference | None = getattr(resource, element, None)
        text = reference.reference if reference is not None and reference.identifier is None else None
        if not text or text.startswith("#"):
            return find_subject(scope.feed, scope.references, reference, resource)
        remembered = scope.subjects.get(text)
        if remembered is None:
            remembered = find_subject(scope.feed, scope.references, reference, resource)
            scope.subjects[text] = remembered
        return remembered


def _scope(  # all that a document stands in
    document: FhirDocument,
    raw: RawMessage,
    feed: Feed,
    pack: MappingPack,
    notes: NoteReader,
    latest_ms: EpochMs | None,
) -> Scope:
    said_ms = read_own_date(document.message_at, feed.zone)
    return Scope(
        feed,
        pack,
        notes,
        References(document),
        document.document_id,
        document.message_at,
        None if is_ahead(said_ms, latest_ms) else said_ms,
        raw.received_at_ms,
        latest_ms,
        _births(document.resources, feed) if document.is_bundle else {},
    )


def _births(resources: Iterable[Placed], feed: Feed) -> dict[tuple[str, str], EpochMs]:
    """Return when the patients of a document were born; of two dates the earlier, which refuses less."""
    births: dict[tuple[str, str], EpochMs] = {}
    for placed in resources:
        patient = placed.resource
        born_ms = read_own_date(patient.birth_date, feed.zone) if isinstance(patient, Patient) else None
        if isinstance(patient, Patient) and born_ms is not None:
            for identifier in patient_identifiers(feed, patient):
                births[identifier.key] = min(born_ms, births.get(identifier.key, born_ms))
    return births
