"""Procedures, problems, diagnoses and allergies that messages list. Pure: no I/O, no clock.

Only what the pack maps becomes a fact; the rest of a patient's history is not reported as unmapped.
Source: HL7 v2.5.1 ch. 6 (PR1, DG1), ch. 3 (AL1), ch. 12 (PRB).
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from worker.decode.hl7v2 import Segment
from worker.mapping.concept_spec import Kind
from worker.mapping.concepts import Target
from worker.mapping.hl7v2.context import (
    Context,
    Draft,
    Patient,
    Sheet,
    codings_at,
    given,
    make_fact,
    place_of,
)
from worker.mapping.hl7v2.encounters import event_statement
from worker.mapping.hl7v2.times import LATER, clinical_time, end_time, filing_time, procedure_end
from worker.mapping.numbers import read_number
from worker.mapping.procedures import LONGEST_MS
from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Coded,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Value,
)
from worker.model.message import Issue
from worker.model.time import MINUTE_MS, ClinicalTime


@dataclass(frozen=True, slots=True)
class _Form:
    """Where a segment keeps its code, coding method, times, own number and action."""

    code: int
    method: int | None
    times: tuple[int, ...]
    number: int | None
    action: int | None
    deletes: frozenset[str]
    resolved: int | None = None


_FINDINGS = {
    "PRB": _Form(3, None, (16, 7, 2), 4, 1, frozenset({"DE", "UN"}), resolved=9),
    "DG1": _Form(3, 2, (5, 19), 20, 21, frozenset({"D"})),
    "AL1": _Form(3, None, (6,), None, None, frozenset()),
    "IAM": _Form(3, None, (11, 13), 7, 6, frozenset({"D"})),
}
_ALLERGIES = frozenset({"AL1", "IAM"})
_PROCEDURE_ID, _PROCEDURE_ACTION, _DELETE_ACTION = 19, 20, "D"


def read_procedures(context: Context, patient: Patient, sheet: Sheet) -> None:
    """Turn each PR1 with a mapped procedure into a fact.

    Messages list a procedure again: its own number (PR1-19) names it, so that its time may move; else its code and time do.
    """
    for pr1 in context.message.all("PR1"):
        target = _target(context, pr1, 3, 2)
        if target is not None and target.concept.kind is Kind.PROCEDURE:
            _procedure(context, patient, pr1, target, sheet)


def read_findings(context: Context, patient: Patient, sheet: Sheet) -> None:
    """Turn each problem, diagnosis or allergy with a mapped code into an assertion."""
    for name, form in _FINDINGS.items():
        for segment in context.message.all(name):
            target = _target(context, segment, form.code, form.method)
            if target is not None and name in _ALLERGIES:
                target = _allergy_to(context, target)
            if target is not None and target.concept.kind is Kind.FINDING:
                _finding(context, patient, segment, (form, target), sheet)


def _allergy_to(context: Context, target: Target) -> Target:
    """Turn a drug of class X ("nsaid") into the finding X-allergy, where the pack has it."""
    finding = context.pack.concepts.get(f"{target.concept.id}-allergy")
    return target if finding is None else Target(finding)


def _target(context: Context, segment: Segment, code: int, method: int | None) -> Target | None:
    codings = codings_at(segment, code)
    if method and codings and not codings[0].system:
        codings = (structs.replace(codings[0], system=segment.value(method)), *codings[1:])
    return context.feed.find(codings)


def _procedure(context: Context, patient: Patient, pr1: Segment, target: Target, sheet: Sheet) -> None:
    effective = clinical_time(context, patient, [("PR1-5", pr1.value(5))], place_of(pr1, 5))
    is_puncture = target.concept.id == "lumbar-puncture"
    if isinstance(effective, Issue):
        sheet.issues.append(effective)
        # A time before birth or of some year belongs to a history; one that lies ahead to a puncture of today.
        is_now = is_puncture and effective.subject.endswith(LATER)
        filed = filing_time(context, patient, (), place_of(pr1, 5)) if is_now else None
        if filed is None:
            return
        effective = filed
    value: Value = Coded("done", pr1.value(3, 2))
    if is_puncture:
        value = Puncture(PunctureStatus.COMPLETED, PunctureSource.PROCEDURE)
    draft = Draft(
        key=f"{context.feed.id}|PR1|{_procedure_name(pr1)}",
        concept=target.concept.id,
        effective=procedure_end(
            context, effective, _with_length(effective, pr1.value(7)), place_of(pr1, 7), sheet
        ),
        value=value,
        place=place_of(pr1),
    )
    is_deleted = pr1.value(_PROCEDURE_ACTION) == _DELETE_ACTION
    sheet.facts.append(make_fact(context, patient, draft, event_statement(context, is_deleted=is_deleted)))


def _procedure_name(pr1: Segment) -> str:
    number = given(pr1.value(_PROCEDURE_ID))
    return f"#{number}" if number else f"{pr1.value(3) or pr1.value(3, 2)}|{pr1.value(5)}"


def _with_length(start: ClinicalTime, minutes: str) -> ClinicalTime:
    number = read_number(minutes)
    if number is None or not 0 < number.value <= LONGEST_MS / MINUTE_MS or start.is_date_only:
        return start
    end_ms = start.start_ms + round(number.value * MINUTE_MS)
    return ClinicalTime(start.start_ms, start.precision, start.origin, end_ms)


def _finding(
    context: Context, patient: Patient, segment: Segment, entry: tuple[_Form, Target], sheet: Sheet
) -> None:
    form, target = entry
    fields = [(f"{segment.name}-{number}", segment.value(number)) for number in form.times]
    effective = clinical_time(context, patient, fields, place_of(segment))
    if isinstance(effective, Issue):
        sheet.issues.append(effective)
        return
    is_resolved = form.resolved is not None and given(segment.value(form.resolved)) != ""
    if form.resolved is not None:
        effective = end_time(context, effective, segment.value(form.resolved))
    status = AssertionStatus.RESOLVED if is_resolved else AssertionStatus.PRESENT
    number = segment.value(form.number) if form.number else ""
    code = segment.value(form.code) or segment.value(form.code, 2)
    draft = Draft(
        key=f"{context.feed.id}|{segment.name}|{number or code}",
        concept=target.concept.id,
        effective=effective,
        value=Assertion(status, tuple(sorted(target.qualifiers))),
        place=place_of(segment),
    )
    is_deleted = form.action is not None and segment.value(form.action) in form.deletes
    sheet.facts.append(make_fact(context, patient, draft, event_statement(context, is_deleted=is_deleted)))
