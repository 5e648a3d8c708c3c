"""Where a patient is: ward, room and bed of a visit, from a moment on. Pure: no I/O, no clock.

| trigger | what it does |
|---|---|
| A01 A04 | states where the patient was put on admission |
| A02 A06 A07 A08 A13 | states where the patient is since the event |
| A12 | the same: its PV1-3 is the place before the transfer that it cancels |
| A11 A23 | takes back every place of the visit |

Leaves, swaps and temporary places (A09, A10, A17, A21, A22) are not read. An update of a visit that is over or only planned
says nothing of where the patient is.
Source: HL7 v2.5.1 ch. 3: PV1-2, PV1-3, PV1-44, PV1-45, EVN-2, EVN-6; ch. 2A: PL.
"""

from __future__ import annotations

from worker.decode.hl7v2 import Segment
from worker.mapping.hl7v2.context import Context, Draft, Patient, Sheet, given, make_fact, place_of
from worker.mapping.hl7v2.encounters import (
    CANCELLED_ADMISSIONS,
    UPDATES,
    event_statement,
    event_times,
    visit_key,
)
from worker.mapping.hl7v2.times import clinical_time
from worker.model.fact import Group, Location
from worker.model.message import Issue
from worker.model.time import ClinicalTime

LOCATION = "location"
ARRIVALS = frozenset({"A01", "A04"})
MOVES = frozenset({"A02", "A06", "A07", "A12", "A13"}) | UPDATES

_PLANNED = "P"


def read_location(context: Context, patient: Patient, pv1: Segment | None, sheet: Sheet) -> None:
    """Turn PV1-3 into a place, as the trigger event says."""
    if pv1 is None:
        return
    trigger = context.trigger
    if trigger in CANCELLED_ADMISSIONS:
        _take_back(context, patient, pv1, sheet)
    elif trigger in ARRIVALS:
        _state(context, patient, pv1, [("PV1-44", pv1.value(44)), *event_times(context)], sheet)
    elif trigger in MOVES and not (trigger in UPDATES and _is_elsewhere(pv1)):
        _state(context, patient, pv1, event_times(context), sheet)


def _is_elsewhere(pv1: Segment) -> bool:
    return given(pv1.value(45)) != "" or pv1.value(2) == _PLANNED


def _state(
    context: Context, patient: Patient, pv1: Segment, times: list[tuple[str, str]], sheet: Sheet
) -> None:
    unit, room, bed, facility = (given(pv1.value(3, component)).strip() for component in range(1, 5))
    if not unit:
        return
    effective = clinical_time(context, patient, times, place_of(pv1, 3))
    if isinstance(effective, Issue):
        sheet.issues.append(effective)
        return
    value = Location(unit, room, bed, facility, patient.visit)
    _add(context, patient, pv1, effective, value, sheet)


def _take_back(context: Context, patient: Patient, pv1: Segment, sheet: Sheet) -> None:
    effective = clinical_time(context, patient, event_times(context), place_of(pv1, 3))
    if isinstance(effective, ClinicalTime):
        _add(context, patient, pv1, effective, None, sheet)


def _add(
    context: Context,
    patient: Patient,
    pv1: Segment,
    effective: ClinicalTime,
    value: Location | None,
    sheet: Sheet,
) -> None:
    is_deleted = value is None
    statement = event_statement(context, is_deleted=is_deleted)
    visit = f"{visit_key(context, patient, pv1)}|{LOCATION}"
    group = Group(visit, statement.order(is_rank_first=context.feed.is_rank_first), replaces=is_deleted)
    draft = Draft(f"{visit}|{effective.start_ms}", LOCATION, effective, value, place_of(pv1, 3), group)
    sheet.facts.append(make_fact(context, patient, draft, statement))
