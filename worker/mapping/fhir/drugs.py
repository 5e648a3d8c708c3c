"""Drugs given, ordered, taken or handed over. Pure: no I/O, no clock. Source: HL7 FHIR R4 and R5, Medication* resources."""

from __future__ import annotations

from collections.abc import Iterator

from worker.decode.fhir.datatypes import CodeableConcept, Period
from worker.decode.fhir.resources import (
    Dosage,
    Drug,
    DrugEvent,
    Medication,
    MedicationAdministration,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
)
from worker.mapping.concept_spec import Kind
from worker.mapping.concepts import Target
from worker.mapping.fhir.codes import all_codings, codings_of, title_of
from worker.mapping.fhir.statement import Stated, Statement
from worker.mapping.values import qualifiers_of
from worker.model.fact import Coded
from worker.model.time import ClinicalTime

_NO_ORDER = frozenset({"proposal", "option"})


def map_drug(event: DrugEvent, statement: Statement) -> None:
    """Add a fact for a drug of a class that the pack knows."""
    concept = _drug(event, statement)
    target = statement.scope.feed.find(codings_of(concept))
    if concept is None or target is None or target.concept.kind is not Kind.MEDICATION or _is_no_order(event):
        return
    effective = statement.when(_ways(event))
    if effective is not None:
        _add(event, statement, target, concept, effective)


def _add(
    event: DrugEvent, statement: Statement, target: Target, concept: CodeableConcept, effective: ClinicalTime
) -> None:
    name = title_of(concept)
    answer = target.answer or name or target.concept.id
    said = qualifiers_of(target.concept, _words(event, name))
    qualifiers = tuple(sorted({*said, *target.qualifiers}))
    statement.add(target.concept.id, Coded(answer, name), effective, qualifiers=qualifiers)


def _drug(event: Drug, statement: Statement) -> CodeableConcept | None:
    """Return the drug in whichever of the three shapes it came; a reference is followed inside the document."""
    if event.medication_codeable_concept is not None:
        return event.medication_codeable_concept
    reference = event.medication_reference
    if event.medication is not None:
        if event.medication.concept is not None:
            return event.medication.concept
        reference = event.medication.reference
    if reference is None:
        return None
    found = statement.scope.references.resolve(reference.reference or "", event)
    if isinstance(found, Medication):
        return found.code
    return CodeableConcept(text=reference.display) if reference.display else None


def _is_no_order(event: DrugEvent) -> bool:
    return isinstance(event, MedicationRequest) and (event.intent in _NO_ORDER or bool(event.do_not_perform))


def _ways(event: DrugEvent) -> Iterator[Stated]:
    if isinstance(event, MedicationRequest):
        yield Stated("authoredOn", event.authored_on)
    elif isinstance(event, MedicationDispense):
        yield Stated("whenHandedOver", event.when_handed_over)
        yield Stated("whenPrepared", event.when_prepared)
    elif isinstance(event, MedicationStatement):
        yield from _taken(event)
    else:
        yield from _given(event)


def _given(event: MedicationAdministration) -> Iterator[Stated]:
    yield Stated("effectiveDateTime", event.effective_date_time)
    yield Stated("occurenceDateTime", event.occurence_date_time or event.occurrence_date_time)
    yield from _period("effectivePeriod", event.effective_period)
    yield from _period("occurencePeriod", event.occurence_period or event.occurrence_period)


def _taken(event: MedicationStatement) -> Iterator[Stated]:
    """Yield when the drug is known to have been taken last: an active one when that was said."""
    yield Stated("effectiveDateTime", event.effective_date_time)
    period = event.effective_period
    if period is not None and period.end:
        yield Stated("effectivePeriod.end", period.end)
    yield Stated("dateAsserted", event.date_asserted)
    yield from _period("effectivePeriod", period)


def _period(name: str, period: Period | None) -> Iterator[Stated]:
    if period is not None:
        yield Stated(name, period.start, period.end)


def _words(event: DrugEvent, name: str) -> Iterator[str]:
    """Yield the words that may tell a flush or a prophylactic dose: the drug, its dosage, its reason."""
    yield name
    for dosage in _dosages(event):
        yield dosage.text or ""
        for coding in codings_of(dosage.route):
            yield from (coding.text, coding.code)
    for coding in all_codings(event.reason_code):
        yield coding.text
    for reason in event.reason or ():
        yield title_of(reason.concept)


def _dosages(event: DrugEvent) -> tuple[Dosage, ...]:
    if isinstance(event, MedicationAdministration):
        return (event.dosage,) if event.dosage is not None else ()
    if isinstance(event, MedicationStatement):
        return event.dosage or ()
    return event.dosage_instruction or ()
