"""The FHIR resources that lpwatch reads, R4 and R5 shapes in one struct each. Pure: no I/O, no clock.

Elements that no fact needs (names, addresses, narrative but that of a Composition's sections) are left out and never reach
memory.
Source: HL7 FHIR R4 (4.0.1) and R5 (5.0.0), the resource pages named in each class.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from worker.decode.fhir.datatypes import (
    Annotation,
    Attachment,
    ClassOrClasses,
    CodeableConcept,
    CodeableReference,
    Element,
    FlexibleConcept,
    Identifier,
    Meta,
    PatientMeta,
    Period,
    Quantity,
    Range,
    Ratio,
    Reference,
    Timing,
)


class Resource(Element, frozen=True, tag_field="resourceType"):
    """What every resource has; `contained` stays undecoded until a reference asks for it."""

    id: str | None = None
    meta: Meta | None = None
    identifier: tuple[Identifier, ...] | None = None
    contained: tuple[msgspec.Raw, ...] | None = None

    @property
    def type_name(self) -> str:
        """Return `resourceType`."""
        return type(self).__name__

    @property
    def identifiers(self) -> tuple[Identifier, ...]:
        """Return the business identifiers, none as an empty tuple."""
        return self.identifier or ()

    @property
    def last_updated(self) -> str:
        """Return `meta.lastUpdated` as written, empty where it is absent."""
        return (self.meta.last_updated or "") if self.meta else ""


class PatientLink(Element, frozen=True):
    """`Patient.link`."""

    other: Reference | None = None
    type: str | None = None


class Patient(Resource, frozen=True, tag="Patient"):
    """A person under care, without the name."""

    meta: PatientMeta | None = None
    active: bool | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    link: tuple[PatientLink, ...] | None = None


class EncounterReason(FlexibleConcept, frozen=True):
    """`Encounter.reason` of R5 (`value`), or the concept itself as `reasonCode` of R4 has it."""

    value: tuple[CodeableReference, ...] | None = None


class Admission(Element, frozen=True):
    """`Encounter.hospitalization` (R4) or `Encounter.admission` (R5)."""

    discharge_disposition: CodeableConcept | None = None


class EncounterLocation(Element, frozen=True):
    """`Encounter.location`; the kind of place is `physicalType` in R4 and `form` in R5."""

    location: Reference | None = None
    status: str | None = None
    physical_type: CodeableConcept | None = None
    form: CodeableConcept | None = None
    period: Period | None = None


class Location(Resource, frozen=True, tag="Location"):
    """A place, as far as its name."""

    name: str | None = None


class Encounter(Resource, frozen=True, tag="Encounter"):
    """A stay or visit."""

    status: str | None = None
    class_: ClassOrClasses | None = msgspec.field(default=None, name="class")
    subject: Reference | None = None
    period: Period | None = None
    actual_period: Period | None = None
    priority: CodeableConcept | None = None
    reason_code: tuple[CodeableConcept, ...] | None = None
    reason: tuple[EncounterReason, ...] | None = None
    hospitalization: Admission | None = None
    admission: Admission | None = None
    location: tuple[EncounterLocation, ...] | None = None


class Procedure(Resource, frozen=True, tag="Procedure"):
    """Something done to a patient."""

    based_on: tuple[Reference, ...] | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    performed_date_time: str | None = None
    performed_period: Period | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None
    recorded: str | None = None
    body_site: tuple[CodeableConcept, ...] | None = None
    outcome: CodeableConcept | None = None
    reason_code: tuple[CodeableConcept, ...] | None = None
    reason: tuple[CodeableReference, ...] | None = None
    note: tuple[Annotation, ...] | None = None


class ObservationValue(Element, frozen=True):
    """The `value[x]` of an Observation and of its components."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_integer: int | None = None
    value_range: Range | None = None
    value_ratio: Ratio | None = None
    value_time: str | None = None
    value_date_time: str | None = None
    value_period: Period | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: tuple[CodeableConcept, ...] | None = None


class Component(ObservationValue, frozen=True):
    """`Observation.component`."""


class Observation(Resource, frozen=True, tag="Observation"):
    """A measurement, score, laboratory result or assertion."""

    based_on: tuple[Reference, ...] | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    effective_instant: str | None = None
    effective_timing: Timing | None = None
    issued: str | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: str | None = None
    value_boolean: bool | None = None
    value_integer: int | None = None
    value_range: Range | None = None
    value_ratio: Ratio | None = None
    value_time: str | None = None
    value_date_time: str | None = None
    value_period: Period | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: tuple[CodeableConcept, ...] | None = None
    body_site: CodeableConcept | None = None
    method: CodeableConcept | None = None
    specimen: Reference | None = None
    component: tuple[Component, ...] | None = None


class Collection(Element, frozen=True):
    """`Specimen.collection`."""

    collected_date_time: str | None = None
    collected_period: Period | None = None
    method: CodeableConcept | None = None
    body_site: FlexibleConcept | None = None


class Specimen(Resource, frozen=True, tag="Specimen"):
    """A sample."""

    status: str | None = None
    type: CodeableConcept | None = None
    subject: Reference | None = None
    received_time: str | None = None
    request: tuple[Reference, ...] | None = None
    collection: Collection | None = None


class DiagnosticReport(Resource, frozen=True, tag="DiagnosticReport"):
    """A report: its words are read as a note, its results come as Observations."""

    based_on: tuple[Reference, ...] | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    issued: str | None = None
    specimen: tuple[Reference, ...] | None = None
    conclusion: str | None = None
    presented_form: tuple[Attachment, ...] | None = None


class DocumentContent(Element, frozen=True):
    """`DocumentReference.content`."""

    attachment: Attachment | None = None


class RelatesTo(Element, frozen=True):
    """`DocumentReference.relatesTo`: `code` is a code in R4 and a CodeableConcept in R5."""

    code: str | CodeableConcept | None = None
    target: Reference | None = None


class DocumentContext(Element, frozen=True):
    """`DocumentReference.context` of R4."""

    period: Period | None = None


class DocumentReference(Resource, frozen=True, tag="DocumentReference"):
    """A document, usually a note, with its content inline."""

    status: str | None = None
    doc_status: str | None = None
    type: CodeableConcept | None = None
    subject: Reference | None = None
    date: str | None = None
    description: str | None = None
    relates_to: tuple[RelatesTo, ...] | None = None
    content: tuple[DocumentContent, ...] | None = None
    context: DocumentContext | tuple[Reference, ...] | None = None
    period: Period | None = None


class Narrative(Element, frozen=True):
    """`Composition.section.text`."""

    div: str | None = None


class Section(Element, frozen=True):
    """`Composition.section`."""

    title: str | None = None
    text: Narrative | None = None
    section: tuple[Section, ...] | None = None


class CompositionTarget(Element, frozen=True):
    """`Composition.relatesTo`: a code and a reference in R4, a RelatedArtifact in R5."""

    code: str | None = None
    target_reference: Reference | None = None
    type: str | None = None
    resource_reference: Reference | None = None


class Composition(Resource, frozen=True, tag="Composition"):
    """A document whose text stands in its sections."""

    identifier: Identifier | tuple[Identifier, ...] | None = None  # type: ignore[assignment]  # one in R4, several in R5
    status: str | None = None
    type: CodeableConcept | None = None
    subject: Reference | tuple[Reference, ...] | None = None
    date: str | None = None
    title: str | None = None
    relates_to: tuple[CompositionTarget, ...] | None = None
    section: tuple[Section, ...] | None = None

    @property
    def identifiers(self) -> tuple[Identifier, ...]:
        """Return the business identifiers of either shape."""
        return (self.identifier,) if isinstance(self.identifier, Identifier) else self.identifier or ()

    @property
    def about(self) -> Reference | None:
        """Return the subject; of several, which only R5 can name, none: nobody can tell whose text it is."""
        if isinstance(self.subject, tuple):
            return self.subject[0] if len(self.subject) == 1 else None
        return self.subject


class Payload(Element, frozen=True):
    """`Communication.payload`."""

    content_string: str | None = None
    content_attachment: Attachment | None = None


class Communication(Resource, frozen=True, tag="Communication"):
    """A message between people about a patient."""

    status: str | None = None
    subject: Reference | None = None
    category: tuple[CodeableConcept, ...] | None = None
    topic: CodeableConcept | None = None
    sent: str | None = None
    received: str | None = None
    payload: tuple[Payload, ...] | None = None


class ServiceRequest(Resource, frozen=True, tag="ServiceRequest"):
    """An order."""

    based_on: tuple[Reference, ...] | None = None
    requisition: Identifier | None = None
    status: str | None = None
    intent: str | None = None
    do_not_perform: bool | None = None
    code: FlexibleConcept | None = None
    subject: Reference | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None
    authored_on: str | None = None
    reason_code: tuple[CodeableConcept, ...] | None = None
    reason: tuple[CodeableReference, ...] | None = None


class Dosage(Element, frozen=True):
    """The words of a dosage and its route; the numbers are not read."""

    text: str | None = None
    route: CodeableConcept | None = None


class Medication(Resource, frozen=True, tag="Medication"):
    """A drug that others point to."""

    code: CodeableConcept | None = None


class Drug(Resource, frozen=True, tag=""):
    """What the four medication events share: the drug in three shapes, the patient, the reason."""

    status: str | None = None
    subject: Reference | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    medication: CodeableReference | None = None
    category: CodeableConcept | tuple[CodeableConcept, ...] | None = None
    reason_code: tuple[CodeableConcept, ...] | None = None
    reason: tuple[CodeableReference, ...] | None = None


class MedicationAdministration(Drug, frozen=True, tag="MedicationAdministration"):
    """A dose given."""

    effective_date_time: str | None = None
    effective_period: Period | None = None
    # R5 spells it `occurence`; the correct spelling is accepted as well.
    occurence_date_time: str | None = None
    occurence_period: Period | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None
    dosage: Dosage | None = None


class MedicationRequest(Drug, frozen=True, tag="MedicationRequest"):
    """A prescription."""

    intent: str | None = None
    do_not_perform: bool | None = None
    authored_on: str | None = None
    dosage_instruction: tuple[Dosage, ...] | None = None


class MedicationStatement(Drug, frozen=True, tag="MedicationStatement"):
    """A drug that a patient is said to take."""

    effective_date_time: str | None = None
    effective_period: Period | None = None
    date_asserted: str | None = None
    dosage: tuple[Dosage, ...] | None = None


class MedicationDispense(Drug, frozen=True, tag="MedicationDispense"):
    """A drug handed over."""

    when_prepared: str | None = None
    when_handed_over: str | None = None
    dosage_instruction: tuple[Dosage, ...] | None = None


class Condition(Resource, frozen=True, tag="Condition"):
    """A problem, diagnosis or finding."""

    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    severity: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    onset_date_time: str | None = None
    onset_period: Period | None = None
    abatement_date_time: str | None = None
    abatement_period: Period | None = None
    recorded_date: str | None = None


class Reaction(Element, frozen=True):
    """`AllergyIntolerance.reaction`."""

    substance: CodeableConcept | None = None


class AllergyIntolerance(Resource, frozen=True, tag="AllergyIntolerance"):
    """A substance that a patient does not bear."""

    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    code: CodeableConcept | None = None
    patient: Reference | None = None
    onset_date_time: str | None = None
    recorded_date: str | None = None
    reaction: tuple[Reaction, ...] | None = None


DrugEvent: TypeAlias = MedicationAdministration | MedicationRequest | MedicationStatement | MedicationDispense
AnyResource: TypeAlias = (
    Patient
    | Encounter
    | Location
    | Procedure
    | Observation
    | Specimen
    | DiagnosticReport
    | DocumentReference
    | Composition
    | Communication
    | ServiceRequest
    | Medication
    | DrugEvent
    | Condition
    | AllergyIntolerance
)
"""The resources that are read; every other type is named, counted and left undecoded."""
