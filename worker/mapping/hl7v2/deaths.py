"""Deaths: PID-29 and PID-30 of admission messages end every stay: nothing is overdue afterwards. Pure: no I/O, no clock.

| PID-29 | PID-30 | what it does |
|---|---|---|
| a time | anything but N | the patient left then; an earlier statement of another time does not stand |
| empty | Y | the patient left when the event was recorded; of several such messages the earliest counts |
| `""` | | takes the death back |
| | N or `""`, in an A08, A13 or A31 | the same |

Source: HL7 v2.5.1 ch. 3.4.2.29 and 3.4.2.30 (table 0136).
"""

from __future__ import annotations

from msgspec import structs

from worker.decode.hl7v2 import Segment
from worker.mapping.hl7v2.context import DELETE, Context, Draft, Patient, Sheet, given, make_fact, place_of
from worker.mapping.hl7v2.encounters import event_statement, event_times
from worker.mapping.hl7v2.times import clinical_time, filing_time
from worker.model.fact import DIED, EncounterValue, Group
from worker.model.message import Issue
from worker.model.time import ClinicalTime

DISCHARGE = "discharge"
_CORRECTING = frozenset({"A08", "A13", "A31"})
_TIME, _INDICATOR = 29, 30


def read_death(context: Context, patient: Patient, pid: Segment, sheet: Sheet) -> None:
    """Turn what PID says of a death into a discharge, or take it back."""
    time, indicator = pid.value(_TIME), pid.value(_INDICATOR).upper()
    is_alive = indicator in {"N", DELETE} or (time == DELETE and indicator != "Y")
    if is_alive:
        if context.trigger in _CORRECTING or time == DELETE:
            _add(context, patient, pid, None, sheet, replaces=True)
    elif given(time) or indicator == "Y":
        effective = _when(context, patient, pid, sheet)
        if effective is not None:
            _add(context, patient, pid, effective, sheet, replaces=given(time) != "")


def _when(context: Context, patient: Patient, pid: Segment, sheet: Sheet) -> ClinicalTime | None:
    """Return when the patient died; where that cannot be true, when it was recorded. Of a day its last instant known."""
    found = clinical_time(
        context, patient, [("PID-29", pid.value(_TIME)), *event_times(context)], place_of(pid, _TIME)
    )
    if isinstance(found, Issue):
        sheet.issues.append(found)
        return filing_time(context, patient, event_times(context), place_of(pid, _TIME))
    if not found.is_date_only:
        return found
    sent_ms = found.latest_ms if context.message_at_ms is None else context.message_at_ms
    return structs.replace(found, start_ms=max(found.start_ms, min(sent_ms, found.latest_ms)))


def _add(
    context: Context,
    patient: Patient,
    pid: Segment,
    effective: ClinicalTime | None,
    sheet: Sheet,
    *,
    replaces: bool,
) -> None:
    statement = event_statement(context, is_deleted=effective is None)
    name = f"{context.feed.id}|death"
    group = Group(name, statement.order(is_rank_first=context.feed.is_rank_first), replaces)
    if effective is None:
        effective, value = ClinicalTime(context.message_at_ms or 0, origin="MSH-7"), None
        key = name
    else:
        value, key = EncounterValue("unknown", reason=DIED), f"{name}|{effective.start_ms}"
    draft = Draft(key, DISCHARGE, effective, value, place_of(pid, _TIME), group)
    sheet.facts.append(make_fact(context, patient, draft, statement))
