"""Notes of one patient: why they came, the procedure, each day, and the advice on leaving."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.happenings import Happening, Revision
from worker.simulate.hospital.plan import day_after
from worker.simulate.hospital.reports import Report, Source

if TYPE_CHECKING:
    from worker.model.time import EpochMs
    from worker.simulate.hospital.plan import Plan

_DAILY: Final = (
    "Comfortable overnight. Eating and drinking.",
    "Slept well. Mobilising to the bathroom with help.",
    "Reviewed on the round. Observations stable.",
    "Family visited. Plan: continue as before.",
)
_MORE: Final = ("Later: no change.", "Later: seen by physiotherapy.", "Later: bloods sent.")
_STIFF: Final = " and neck stiffness."
_SUSPECTED: Final = (
    "PRESENTING COMPLAINT: two days of fever, confusion and neck stiffness.\n"
    "PLAN: lumbar puncture, await CSF."
)
_OTHER: Final = "PRESENTING COMPLAINT: referred by the memory clinic.\nPLAN: lumbar puncture as a day case."
_NO_PUNCTURE: Final = "PRESENTING COMPLAINT: breathless for a week.\nPLAN: chest film, bloods."
_PROCEDURE: Final = (
    "PROCEDURE: LUMBAR PUNCTURE\n"
    "Consent obtained. Sterile technique, L3/4, one pass. Clear CSF. Tolerated well."
)
_CANCELLED: Final = "Lumbar puncture cancelled, not attempted. Patient declined."
_ADVICE: Final = (
    "Home today. Advised to return if fever, confusion, leg weakness, numbness or trouble with the bladder."
)
_FAMILY: Final = "FAMILY HISTORY: mother had meningitis with confusion in 1998."


def notes(plan: Plan) -> list[Report]:
    """Write the notes of a stay, in order of time."""
    written = [_admission(plan)]
    if plan.puncture_ms is not None:
        text = _CANCELLED if plan.is_cancelled else _PROCEDURE
        title = "PN" if plan.is_cancelled else "PC"
        written.append(_note(plan, "N2", plan.puncture_ms, text, title))
    if plan.is_inpatient:
        written += _daily(plan)
        written.append(_note(plan, "N9", plan.discharged_ms - 30 * MINUTE_MS, _ADVICE, "DS"))
        plan.trap("discharge-advice")
    return written


def _admission(plan: Plan) -> Report:
    is_suspected = plan.is_inpatient and plan.puncture_ms is not None
    text = _SUSPECTED if is_suspected else _OTHER if plan.puncture_ms is not None else _NO_PUNCTURE
    at_ms = plan.admitted_ms + HOUR_MS
    if is_suspected:
        plan.trap("reason-for-lp")
        # A stiff neck beside a fever that is new would be no trap.
        text = text if plan.is_febrile_before else text.replace(_STIFF, ".")
        text = f"{text}\n{_FAMILY}"
    return _note(plan, "N1", at_ms, text, "HP")


def _daily(plan: Plan) -> list[Report]:
    reports: list[Report] = []
    at_ms = day_after(plan.admitted_ms)
    while at_ms < plan.discharged_ms - 2 * HOUR_MS:
        number = f"N{3 + len(reports)}"
        report = _note(plan, number, at_ms, plan.rng.choice(_DAILY), "PN")
        reports.append(report)
        if plan.has_quirk("appended-note"):
            reports.append(_appended(report, plan.rng.choice(_MORE)))
        at_ms = day_after(at_ms)
    return reports


def _appended(report: Report, more: str) -> Report:
    first = report.happenings[0]
    again = replace(
        first,
        text=f"{first.text}\n{more}",
        received_at_ms=first.received_at_ms + 90 * MINUTE_MS,
        revision=Revision.CORRECTED,
    )
    return replace(report, happenings=(again,))


def _note(plan: Plan, suffix: str, at_ms: EpochMs, text: str, title: str) -> Report:
    written_ms = at_ms + plan.rng.randint(5, 40) * MINUTE_MS
    note = Happening(f"{plan.name}-{suffix}", "note", at_ms, written_ms, text=text, title=title)
    return Report(Source.WARD, (note,), plan.person.identifiers)
