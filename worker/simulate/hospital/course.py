"""The course of one patient, from arrival to discharge, as reports in the order in which they arrive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.happenings import Happening, Revision
from worker.simulate.hospital import labs, people
from worker.simulate.hospital.notes import notes
from worker.simulate.hospital.plan import make_plan
from worker.simulate.hospital.reports import Report, Source, happening
from worker.simulate.hospital.truth import Expected, PatientTruth
from worker.simulate.hospital.vitals import AT_LIMIT, Row, chart
from worker.simulate.visits import Stay

if TYPE_CHECKING:
    from random import Random

    from worker.model.fact import Identifier
    from worker.model.time import EpochMs
    from worker.simulate.happenings import Person, Scalar
    from worker.simulate.hospital.plan import Plan
    from worker.simulate.hospital.quirks import Quirks
    from worker.simulate.hospital.rates import Rates

SENTINELS: Final = (8388607, -100, 32767)
QUIET_UNTIL_H: Final = 20
"""Mistakes are planted on day one, where one wrong fever is a single fever and no rise."""
IN_ERROR: Final = "entered in error, wrong patient"


@dataclass(frozen=True, slots=True)
class Course:
    """One patient's course: reports in order of arrival, all from the admission on, and what is true."""

    person: Person
    reports: tuple[Report, ...]
    truth: PatientTruth


def live(index: int, rng: Random, admitted_ms: EpochMs, rates: Rates, habits: Quirks) -> Course:
    """Live one patient's course; the same state of `rng` gives the same course."""
    plan = make_plan(index, rng, admitted_ms, rates, habits)
    stay = _stay(plan)
    reports = [_arrival(plan, stay), *_vitals(plan), labs.blood(plan), *notes(plan), _discharge(plan)]
    given = labs.anticoagulant(plan)
    if given is not None:
        reports.append(given)
    if plan.puncture_ms is not None:
        reports += _puncture(plan, plan.puncture_ms)
    reports = [replace(report, stay=stay) for report in _renumbered(plan, reports)]
    if plan.is_watched:
        reports = _late_puncture(plan, reports)
    reports = [_delayed(plan, report) for report in reports]
    reports.sort(key=lambda report: (report.written_ms + report.delay_ms, report.happenings[0].name))
    return Course(plan.person, tuple(reports), _truth(plan, reports))


def _truth(plan: Plan, reports: list[Report]) -> PatientTruth:
    names = {identifier: None for report in reports for identifier in (*report.identifiers, *report.merged)}
    return PatientTruth(
        identifiers=tuple(sorted(names)),
        punctures_ms=(plan.puncture_ms,) if plan.puncture_ms is not None and plan.is_watched else (),
        indication=plan.indication,
        expected=tuple(sorted(plan.expected, key=lambda one: (one.at_ms, one.rule))),
        traps=tuple(sorted(set(plan.traps))),
        quirks=tuple(sorted(plan.quirks)),
    )


def _stay(plan: Plan) -> Stay:
    kind = "inpatient" if plan.is_inpatient else "outpatient"
    return Stay(kind, f"V-{plan.name}-A1", plan.admitted_ms, "")


def _arrival(plan: Plan, stay: Stay) -> Report:
    times = (plan.admitted_ms, plan.admitted_ms + 2 * MINUTE_MS)
    came = happening(f"{plan.name}-A1", "encounter", times, stay.encounter_class)
    return Report(Source.WARD, (came,), plan.person.identifiers)


def _discharge(plan: Plan) -> Report:
    times = (plan.discharged_ms, plan.discharged_ms + 3 * MINUTE_MS)
    return Report(
        Source.WARD, (happening(f"{plan.name}-A9", "discharge", times, "home"),), plan.person.identifiers
    )


def _puncture(plan: Plan, puncture_ms: EpochMs) -> list[Report]:
    """Tell of the LP: an order that is done or cancelled, and the CSF."""
    written_ms = puncture_ms + plan.rng.randint(10, 45) * MINUTE_MS
    done = Happening(f"{plan.name}-L1", "lumbar-puncture", puncture_ms, written_ms, is_revised=True)
    if plan.is_cancelled:
        plan.trap("lp-cancelled")
        cancelled = replace(done, status="cancelled")
        return [Report(Source.WARD, (cancelled,), plan.person.identifiers)]
    examined = labs.csf(plan, puncture_ms)
    if plan.has_quirk("lp-by-note-only"):
        return examined
    return [Report(Source.WARD, (done,), plan.person.identifiers), *examined]


def _late_puncture(plan: Plan, reports: list[Report]) -> list[Report]:
    """Document the LP hours late: its order, its note and everything of the CSF wait."""
    if not plan.has_quirk("late-lp"):
        return reports
    wait_ms = plan.rng.randint(3, 10) * HOUR_MS
    late = []
    for report in reports:
        first = report.happenings[0]
        is_about_lp = first.concept == "lumbar-puncture" or first.title == "PC"
        if is_about_lp or report.panel.startswith("csf"):
            happenings = tuple(
                replace(one, received_at_ms=one.received_at_ms + wait_ms) for one in report.happenings
            )
            late.append(replace(report, happenings=happenings))
        else:
            late.append(report)
    return late


def _vitals(plan: Plan) -> list[Report]:
    source = Source.MONITOR if plan.has_quirk("fahrenheit") else Source.WARD
    rows = chart(plan)
    reports = []
    for number, row in enumerate(rows):
        late_ms = plan.rng.randint(20, 55) * MINUTE_MS if plan.has_quirk("late-charting") else 0
        written_ms = row.at_ms + plan.rng.randint(2, 15) * MINUTE_MS + late_ms
        reports.append(_observed(plan, source, f"{plan.name}-V{number}", (row.at_ms, written_ms), row))
    mistakes = _mistakes(plan, source, rows, reports)
    return [*reports, *mistakes]


def _observed(plan: Plan, source: Source, number: str, times: tuple[EpochMs, EpochMs], row: Row) -> Report:
    values: dict[str, Scalar] = {
        "heart-rate": row.heart_rate,
        "respiratory-rate": row.respiratory_rate,
        "spo2": row.spo2,
        "blood-pressure": f"{row.systolic}/{row.diastolic}",
        "pain-score": row.pain,
        "acvpu": row.consciousness,
        "gcs": row.gcs,
    }
    if row.temperature is not None:
        values["body-temperature"] = row.temperature
    found = tuple(
        happening(f"{number}-{concept}", concept, times, value) for concept, value in values.items()
    )
    return Report(source, found, plan.person.identifiers, "vitals", number)


def _mistakes(plan: Plan, source: Source, rows: list[Row], reports: list[Report]) -> list[Report]:
    """Chart what is not true: a mistyped temperature that is corrected, one of another patient, a device's sentinel.

    Shape: gives reports that come in addition; the mistyped one takes its place in `reports`.
    """
    made = []
    for number, row in enumerate(rows):
        if plan.has_quirk("device-sentinel"):
            at_ms = row.at_ms + 5 * MINUTE_MS
            value = plan.rng.choice(SENTINELS)
            made.append(_temperature(plan, source, f"{plan.name}-X{number}", at_ms, value))
    if not plan.is_watched or not plan.is_inpatient:
        return made
    quiet = [
        number
        for number, row in enumerate(rows)
        if 1 < plan.hours_after(row.at_ms) < QUIET_UNTIL_H and _is_afebrile(row)
    ]
    is_afebrile = all(row.temperature is None or _is_afebrile(row) for row in rows)
    if quiet and plan.has_quirk("in-error-comment"):
        at_ms = rows[plan.rng.choice(quiet)].at_ms + 20 * MINUTE_MS
        wrong = _temperature(plan, source, f"{plan.name}-W1", at_ms, 39.6)
        made.append(replace(wrong, comment=IN_ERROR))
        plan.trap("entered-in-error-comment")
    if quiet and is_afebrile and plan.has_quirk("mistyped"):
        at = plan.rng.choice(quiet)
        made += _mistyped(plan, reports, at)
    return made


def _is_afebrile(row: Row) -> bool:
    return row.temperature is not None and row.temperature < AT_LIMIT


def _temperature(plan: Plan, source: Source, number: str, at_ms: EpochMs, value: Scalar) -> Report:
    found = happening(f"{number}-body-temperature", "body-temperature", (at_ms, at_ms + 2 * MINUTE_MS), value)
    return Report(source, (found,), plan.person.identifiers, "vitals", number)


def _mistyped(plan: Plan, reports: list[Report], at: int) -> list[Report]:
    """Type 39.x in a set of observations, and send the whole set again with the right number."""
    right = reports[at]
    wait_ms = plan.rng.randint(30, 120) * MINUTE_MS
    corrected = tuple(
        replace(one, received_at_ms=one.received_at_ms + wait_ms, revision=Revision.CORRECTED)
        for one in right.happenings
    )
    typed = tuple(
        replace(one, value=39.4) if one.concept == "body-temperature" else one for one in right.happenings
    )
    is_late = plan.has_quirk("correction-first")
    # The original waits in a queue until its correction has gone by.
    reports[at] = replace(right, happenings=typed, delay_ms=wait_ms + 10 * MINUTE_MS if is_late else 0)
    if is_late:
        plan.trap("correction-before-original")
    else:
        severity = "emergent" if plan.is_infant else "urgent"
        at_ms = right.happenings[0].at_ms
        plan.plant(Expected("fever-single", severity, at_ms, "mistyped", "withdrawn"))
    return [replace(right, happenings=corrected)]


def _renumbered(plan: Plan, reports: list[Report]) -> list[Report]:
    """Name the patient as each interface does: by the temporary number before a merge, by national id alone."""
    if plan.has_quirk("national-id-only"):
        national = plan.person.identifiers[1:]
        reports = [
            replace(report, identifiers=national) if report.source is Source.LABORATORY else report
            for report in reports
        ]
    if plan.puncture_ms is None or not plan.is_watched or not plan.has_quirk("merge"):
        return reports
    merged_ms = plan.puncture_ms + plan.rng.randint(60, 270) * MINUTE_MS
    temporary = (people.temporary_number(plan.index),)
    named = [
        replace(report, identifiers=temporary) if report.written_ms < merged_ms else report
        for report in reports
    ]
    return [*named, _merge(plan, merged_ms, temporary)]


def _merge(plan: Plan, merged_ms: EpochMs, temporary: tuple[Identifier, ...]) -> Report:
    joined = happening(f"{plan.name}-M1", "encounter", (merged_ms, merged_ms), "inpatient")
    return Report(Source.WARD, (joined,), plan.person.identifiers, merged=temporary)


def _delayed(plan: Plan, report: Report) -> Report:
    if report.delay_ms or not plan.has_quirk("delayed"):
        return report
    return replace(report, delay_ms=plan.rng.randint(1, 20) * MINUTE_MS)
