"""Stays, visits and discharges. Pure: no I/O, no clock.

| trigger | what it does |
|---|---|
| A01 A04 A06 A07 | states the stay |
| A08 | states the stay where it gives a reason, and the admission time or the number of the visit |
| A03 | states the discharge |
| A11 A23 | takes the stay back |
| A13 | takes the discharge back |

What leaves out the reason or the admission time is a statement of its own: `correlate.visits` makes one visit of all.
Source: HL7 v2.5.1 ch. 3: PV1-2, PV1-4, PV1-19, PV1-36, PV1-44, PV1-45, PV2-3, EVN-2, EVN-6.
"""

from __future__ import annotations

from worker.decode.hl7v2 import Segment
from worker.mapping.hl7v2.context import (
    Context,
    Draft,
    Patient,
    Sheet,
    Statement,
    given,
    make_fact,
    meaning_at,
    place_of,
)
from worker.mapping.hl7v2.times import clinical_time, read_time, stated_at
from worker.mapping.hl7v2.versions import FINAL, WITHDRAWN
from worker.mapping.visits import said_of_visit
from worker.model.fact import LEFT, PLANNED, STAYED, UNANNOUNCED, UNPLANNED, EncounterValue, Group
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime

ADMISSIONS = frozenset({"A01", "A04", "A06", "A07"})
UPDATES = frozenset({"A08"})
DISCHARGES = frozenset({"A03"})
CANCELLED_ADMISSIONS = frozenset({"A11", "A23"})
CANCELLED_DISCHARGES = frozenset({"A13"})

_SILENT_CLASSES = frozenset({"", "U", "N", "C"})
_CLASS_LENGTH = 20


def read_encounter(context: Context, patient: Patient, pv1: Segment | None, sheet: Sheet) -> None:
    """Turn PV1 into a stay or a discharge, as the trigger event says."""
    if pv1 is None:
        return
    trigger = context.trigger
    if trigger in ADMISSIONS or (trigger in UPDATES and _states_a_stay(context, patient, pv1)):
        _stay(context, patient, pv1, sheet, is_deleted=False)
    elif trigger in CANCELLED_ADMISSIONS:
        _stay(context, patient, pv1, sheet, is_deleted=True)
    elif trigger in DISCHARGES:
        _discharge(context, patient, pv1, sheet, is_deleted=False)
    elif trigger in CANCELLED_DISCHARGES:
        _discharge(context, patient, pv1, sheet, is_deleted=True)


def event_times(context: Context) -> list[tuple[str, str]]:
    """Return when the event happened (EVN-6) and was recorded (EVN-2)."""
    evn = context.message.first("EVN")
    return [("EVN-6", evn.value(6)), ("EVN-2", evn.value(2))] if evn else []


def event_statement(context: Context, *, is_deleted: bool = False) -> Statement:
    """Return how an event stands: stated when it was recorded."""
    recorded = [text for origin, text in event_times(context) if origin == "EVN-2"]
    rank = WITHDRAWN if is_deleted else FINAL
    return Statement(stated_at(context, recorded), rank, is_deleted=is_deleted)


def _when(  # what a time is read with
    context: Context,
    patient: Patient,
    fields: list[tuple[str, str]],
    place: str,
    sheet: Sheet,
    *,
    is_deleted: bool,
) -> ClinicalTime | None:
    """Return the time, None with an issue where it cannot be used; what is taken back needs none, its key finds it."""
    found = clinical_time(context, patient, fields, place)
    if isinstance(found, ClinicalTime):
        return found
    if is_deleted:
        return ClinicalTime(context.message_at_ms or 0, origin="MSH-7")
    sheet.issues.append(found)
    return None


def _states_a_stay(context: Context, patient: Patient, pv1: Segment) -> bool:
    """Tell whether an update says why the patient came, and of which visit."""
    return _reason(context) != "" and (patient.visit != "" or given(pv1.value(44)) != "")


def _stay(context: Context, patient: Patient, pv1: Segment, sheet: Sheet, *, is_deleted: bool) -> None:
    fields = [("PV1-44", pv1.value(44)), *event_times(context)]
    effective = _when(context, patient, fields, place_of(pv1, 44), sheet, is_deleted=is_deleted)
    if effective is None:
        return
    reason, said = _reason(context), _said_of(context, pv1)
    key = f"{visit_key(context, patient, pv1)}|encounter"
    statement = event_statement(context, is_deleted=is_deleted)
    group = None
    if patient.visit:
        if given(pv1.value(4)) and PLANNED not in said:
            said = (*said, UNPLANNED)
        group = Group(key, statement.order(is_rank_first=context.feed.is_rank_first), replaces=is_deleted)
        is_dated = effective.origin == "PV1-44"
        if not is_deleted and not (reason and is_dated):
            key += f"|{'reason' if reason else 'stay'}{'' if is_dated else f'|{effective.start_ms}'}"
        if context.trigger in UPDATES and not is_dated:
            said = (*said, UNANNOUNCED)
    value = EncounterValue(_class(context, pv1, sheet), patient.visit, reason)
    draft = Draft(key, "encounter", effective, value, place_of(pv1), group, qualifiers=said)
    sheet.facts.append(make_fact(context, patient, draft, statement))


def _discharge(context: Context, patient: Patient, pv1: Segment, sheet: Sheet, *, is_deleted: bool) -> None:
    fields = [("PV1-45", pv1.value(45)), *event_times(context)]
    effective = _when(context, patient, fields, place_of(pv1, 45), sheet, is_deleted=is_deleted)
    if effective is None:
        return
    value = EncounterValue(_class(context, pv1, sheet), patient.visit, given(pv1.value(36)))
    draft = Draft(
        f"{visit_key(context, patient, pv1)}|discharge", "discharge", effective, value, place_of(pv1)
    )
    sheet.facts.append(make_fact(context, patient, draft, event_statement(context, is_deleted=is_deleted)))
    if patient.visit:
        times, mark = (event_times(context), STAYED) if is_deleted else (fields, LEFT)
        at = _when(context, patient, times, place_of(pv1), sheet, is_deleted=is_deleted)
        _mark(context, patient, pv1, at or effective, sheet, mark)


def _mark(
    context: Context, patient: Patient, pv1: Segment, effective: ClinicalTime, sheet: Sheet, mark: str
) -> None:
    """State that the patient left, or had not, among what is said of the visit: it parts a number that is used again."""
    name, statement = f"{visit_key(context, patient, pv1)}|encounter", event_statement(context)
    draft = Draft(
        f"{name}|{mark}|{effective.start_ms}",
        "encounter",
        effective,
        EncounterValue("unknown", patient.visit, ""),
        place_of(pv1),
        Group(name, statement.order(is_rank_first=context.feed.is_rank_first), replaces=False),
        qualifiers=(mark,),
    )
    sheet.facts.append(make_fact(context, patient, draft, statement))


def visit_key(context: Context, patient: Patient, pv1: Segment) -> str:
    """Return what begins the key of all that is said of one visit: its number, else when it began."""
    admitted = given(pv1.value(44))
    found = read_time(context, admitted) if admitted else None
    return f"{context.feed.id}|visit|{patient.visit or (found.at_ms if found else '')}"


def _class(context: Context, pv1: Segment, sheet: Sheet) -> str:
    sent = given(pv1.value(2))
    known = context.feed.encounter_classes.get(sent) or context.feed.encounter_classes.get(sent.upper())
    if known is None and sent not in _SILENT_CLASSES:
        subject = f"patient class {sent[:_CLASS_LENGTH]}"
        sheet.issues.append(Issue(IssueKind.UNMAPPED_CODE, place_of(pv1, 2), subject))
    return known or "unknown"


def _said_of(context: Context, pv1: Segment) -> tuple[str, ...]:
    """Return what the visit is about, by words and code of its reason, and whether it was planned."""
    pv2 = context.message.first("PV2")
    target = meaning_at(context, pv2, 3).target if pv2 else None
    findings = (target.concept.id,) if target else ()
    return said_of_visit(context.feed, context.pack, _reason(context), findings, (pv1.value(4),))


def _reason(context: Context) -> str:
    pv2 = context.message.first("PV2")
    return given(pv2.value(3, 2) or pv2.value(3)) if pv2 else ""
