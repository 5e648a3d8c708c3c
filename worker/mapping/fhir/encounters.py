"""Encounters, to stays and discharges. Pure: no I/O, no clock. Source: HL7 FHIR R4 and R5, `Encounter`."""

from __future__ import annotations

from collections.abc import Iterator

from worker.decode.fhir.datatypes import CodeableConcept
from worker.decode.fhir.datatypes import Coding as WrittenCoding
from worker.decode.fhir.resources import Encounter
from worker.mapping.fhir.codes import codings_of, first_code, title_of
from worker.mapping.fhir.locations import add_locations
from worker.mapping.fhir.statement import Stated, Statement
from worker.mapping.visits import said_of_visit
from worker.model.fact import EncounterValue
from worker.model.message import IssueKind

ENCOUNTER = "encounter"
DISCHARGE = "discharge"
_CLASS_LENGTH = 20
_OVER = frozenset({"finished", "completed", "discharged", "discontinued"})


def map_encounter(encounter: Encounter, statement: Statement) -> None:
    """Add the stay, and the discharge where the encounter is over; a newer version replaces both."""
    period = encounter.period or encounter.actual_period
    start, end = (period.start, period.end) if period is not None else (None, None)
    is_over = encounter.status in _OVER or (not encounter.status and bool(end))
    effective = statement.when((Stated("period", start, end if is_over else None),))
    if effective is None:
        return
    kind, visit = _class(encounter, statement), _visit(encounter)
    reason = _reason(encounter)
    qualifiers = _said_of(encounter, reason, statement)
    statement.add(ENCOUNTER, EncounterValue(kind, visit, reason), effective, qualifiers=qualifiers)
    if is_over and end:
        left = statement.when((Stated("period.end", end),))
        if left is not None:
            value = EncounterValue(kind, visit, _disposition(encounter))
            statement.add(DISCHARGE, value, left, part=DISCHARGE)
    add_locations(encounter, visit, effective, statement)
    statement.replaces_all(statement.key)


def _class(encounter: Encounter, statement: Statement) -> str:
    """Return the pack's name of the class, "unknown" where it has none."""
    written = encounter.class_
    if isinstance(written, WrittenCoding):
        code = written.code or ""
    else:
        code = next((found for concept in written or () if (found := first_code(concept))), "")
    classes = statement.scope.feed.encounter_classes
    name = classes.get(code) or classes.get(code.upper())
    if code and not name:
        statement.note(IssueKind.UNMAPPED_CODE, "class", f"patient class {code[:_CLASS_LENGTH]}")
    return name or "unknown"


def _visit(encounter: Encounter) -> str:
    numbers = (identifier.value for identifier in encounter.identifier or () if identifier.value)
    return next(numbers, encounter.id or "")


def _reason(encounter: Encounter) -> str:
    """Return the reasons in words, in whichever of the three shapes they came."""
    reasons = map(title_of, _reasons(encounter))
    return "; ".join(reason for reason in reasons if reason)


def _reasons(encounter: Encounter) -> Iterator[CodeableConcept | None]:
    yield from encounter.reason_code or ()
    for reason in encounter.reason or ():
        if reason.value is None:
            yield reason.stated
        for value in reason.value or ():
            yield value.concept


def _said_of(encounter: Encounter, reason: str, statement: Statement) -> tuple[str, ...]:
    """Return what the visit is about, by words and codes of its reasons, and whether it was planned."""
    scope = statement.scope
    targets = (scope.feed.find(codings_of(concept)) for concept in _reasons(encounter))
    findings = [target.concept.id for target in targets if target is not None]
    priorities = [text for coding in codings_of(encounter.priority) for text in (coding.code, coding.text)]
    return said_of_visit(scope.feed, scope.pack, reason, findings, priorities)


def _disposition(encounter: Encounter) -> str:
    admission = encounter.hospitalization or encounter.admission
    return title_of(admission.discharge_disposition) if admission is not None else ""
