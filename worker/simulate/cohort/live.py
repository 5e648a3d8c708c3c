"""One patient of the mixed cohort, from arrival to the last message, in the order in which messages arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.cohort import aftermath, complications, illness, laboratory, traps
from worker.simulate.cohort.chart import Chart, Visit
from worker.simulate.cohort.notes import notes
from worker.simulate.cohort.observations import observations
from worker.simulate.cohort.places import YEAR, Place, draw_place
from worker.simulate.happenings import Happening
from worker.simulate.hospital import people
from worker.simulate.hospital.course import Course
from worker.simulate.hospital.reports import Report, Source, happening
from worker.simulate.hospital.truth import PatientTruth
from worker.simulate.visits import NO_STAY, Stay

if TYPE_CHECKING:
    from random import Random

    from worker.model.time import EpochMs
    from worker.simulate.cohort.laboratory import Fluid
    from worker.simulate.hospital.quirks import Quirks
    from worker.simulate.hospital.rates import Rates

SUSPECTED = "suspected infection"
YOUNG_ADULT = (20 * YEAR, 60 * YEAR)
DAY_CASE_H = (2.0, 5.0)


def live_mixed(index: int, rng: Random, admitted_ms: EpochMs, rates: Rates, habits: Quirks) -> Course:
    """Live one patient of the mixed cohort; the same state of `rng` gives the same course."""
    chart = _begin(index, rng, admitted_ms, rates, habits)
    fluid = _setup(chart)
    traps.harmless(chart)
    aftermath.headache(chart)
    complications.natural(chart)
    aftermath.back_pain(chart)
    aftermath.afterwards(chart)
    return _written(chart, fluid)


def live_planted(index: int, rng: Random, admitted_ms: EpochMs, rates: Rates, habits: Quirks) -> Course:
    """Live one patient with one complication, the kinds by turns, and nothing else that a rule looks for."""
    kind = complications.KINDS[index % len(complications.KINDS)]
    chart = _begin(index, rng, admitted_ms, rates, habits, kind.place, kind.ages_d or YOUNG_ADULT)
    chart.facts.update(("atraumatic", "sites-scored"))
    fluid = laboratory.Fluid(white=rng.randint(0, 4), red=rng.randint(0, 40))
    complications.plant(chart, kind, fluid)
    return _written(chart, fluid)


def _begin(
    index: int,
    rng: Random,
    admitted_ms: EpochMs,
    rates: Rates,
    habits: Quirks,
    place: Place | None = None,
    ages_d: tuple[int, int] | None = None,
) -> Chart:
    place = place or draw_place(rng)
    age_days = rng.randint(*(ages_d or place.ages_d))
    waits_h = rng.uniform(*place.waits_h)
    stays_h = rng.uniform(*(DAY_CASE_H if rng.random() < place.goes_home else place.stays_h))
    visit = Visit(place.encounter_class, -waits_h, stays_h, place.every_h, place.notes_every_h)
    lp_ms = admitted_ms + round(waits_h * HOUR_MS)
    return Chart(
        index=index,
        rng=rng,
        rates=rates,
        habits=habits,
        person=people.person(rng, index, age_days, admitted_ms),
        place=place,
        age_days=age_days,
        indication=_indication(rng, place, rates),
        lp_ms=lp_ms - lp_ms % MINUTE_MS,
        visits=[visit],
        punctures_h=[0.0],
    )


def _indication(rng: Random, place: Place, rates: Rates) -> str:
    if place.name == "ed":
        is_suspected = rng.random() < rates["lp-for-suspected-cns-infection-in-ed"]
        return SUSPECTED if is_suspected else rng.choice(place.indications[1:])
    return rng.choice(place.indications)


def _setup(chart: Chart) -> Fluid:
    """Draw the needle, the fluid, the illness and the blood."""
    facts, rng = chart.facts, chart.rng
    if rng.random() < chart.place.atraumatic:
        facts.add("atraumatic")
    if chart.place.name in {"neurology", "iih"}:
        facts.add("sites-scored")
    fluid = laboratory.ordinary(chart)
    if "traumatic" in facts and chart.happens("traumatic-in-the-note"):
        facts.add("traumatic-in-the-note")
        laboratory.high_risk(chart, "traumatic-in-the-note")
    if chart.happens("three-attempts"):
        facts.add("three-attempts")
        laboratory.high_risk(chart, "three-attempts")
    illness.background(chart, fluid)
    is_ill = bool(chart.fevers) or "bacterial" in facts
    laboratory.admission_blood(chart, fluid, rng.randint(30, 200) if is_ill else rng.randint(1, 9))
    _pressure(chart, fluid)
    if chart.place.name == "oncology" and chart.happens("second-lp"):
        chart.punctures_h.append(rng.uniform(70, 98))
    return fluid


def _pressure(chart: Chart, fluid: Fluid) -> None:
    rng = chart.rng
    if chart.place.name == "iih":
        fluid.pressure = rng.randint(255, 420) if chart.happens("pressure-raised") else rng.randint(140, 248)
        if fluid.pressure > 250:  # noqa: PLR2004 - what the rates call raised
            chart.plant("raised-pressure", "disease", (-1, 200), ("csf-pressure",))
    elif chart.is_adult and chart.happens("pressure-measured"):
        fluid.pressure = rng.randint(90, 220)


def _written(chart: Chart, fluid: Fluid) -> Course:
    """Write everything down, and tell what is true."""
    for hour in chart.punctures_h:
        _puncture(chart, hour)
        laboratory.report_csf(chart, hour, fluid)
    reports = [*chart.reports, *observations(chart), *notes(chart)]
    for number, visit in enumerate(chart.visits):
        reports += _visit(chart, number, visit)
    stays = [_stay(chart, number, visit) for number, visit in enumerate(chart.visits)]
    reports = [replace(one, stay=_stay_of(one, stays)) if one.stay == NO_STAY else one for one in reports]
    reports = _late_puncture(chart, reports)
    reports.sort(key=lambda report: (report.written_ms + report.delay_ms, report.happenings[0].name))
    return Course(chart.person, tuple(reports), _truth(chart))


def _puncture(chart: Chart, hour: float) -> None:
    at_ms = chart.at_ms(hour)
    written_ms = at_ms + chart.rng.randint(10, 45) * MINUTE_MS
    done = Happening(chart.next_name("L"), "lumbar-puncture", at_ms, written_ms, is_revised=True)
    chart.reports.append(Report(Source.WARD, (done,), chart.person.identifiers))


def _late_puncture(chart: Chart, reports: list[Report]) -> list[Report]:
    """Document some LPs hours late: the order, the note and the CSF wait."""
    if not chart.happens("late-lp"):
        return reports
    wait_ms = chart.rng.randint(3, 10) * HOUR_MS
    chart.traps.add("late-lp")
    return [_waiting(report, wait_ms) if _is_about_lp(report) else report for report in reports]


def _is_about_lp(report: Report) -> bool:
    first = report.happenings[0]
    return (
        first.concept in {"lumbar-puncture", "opening-pressure"}
        or first.title == "PC"
        or report.panel == "csf"
    )


def _waiting(report: Report, wait_ms: int) -> Report:
    happenings = tuple(replace(one, received_at_ms=one.received_at_ms + wait_ms) for one in report.happenings)
    return replace(report, happenings=happenings)


def _stay(chart: Chart, number: int, visit: Visit) -> Stay:
    return Stay(visit.encounter_class, f"V-{chart.name}-A{number}", chart.at_ms(visit.from_h), visit.reason)


def _stay_of(report: Report, stays: list[Stay]) -> Stay:
    at_ms = report.happenings[0].at_ms
    begun = [stay for stay in stays if (stay.admitted_ms or 0) <= at_ms]
    return begun[-1] if begun else stays[0]


def _visit(chart: Chart, number: int, visit: Visit) -> list[Report]:
    """Tell of an arrival and of leaving."""
    stay = _stay(chart, number, visit)
    came_ms, left_ms = chart.at_ms(visit.from_h), chart.at_ms(visit.until_h)
    name = f"{chart.name}-A{number}"
    times = (came_ms, came_ms + 2 * MINUTE_MS)
    came = happening(name, "encounter", times, visit.encounter_class, visit.reason)
    reports = [Report(Source.WARD, (came,), chart.person.identifiers, stay=stay)]
    if visit.is_closed:
        left = happening(f"{name}-D", "discharge", (left_ms, left_ms + 3 * MINUTE_MS), "home")
        reports.append(Report(Source.WARD, (left,), chart.person.identifiers, stay=stay))
    return reports


def _truth(chart: Chart) -> PatientTruth:
    return PatientTruth(
        identifiers=tuple(sorted(chart.person.identifiers)),
        punctures_ms=tuple(chart.at_ms(hour) for hour in chart.punctures_h),
        indication=chart.indication,
        expected=tuple(sorted(chart.expected, key=lambda one: (one.at_ms, one.rule))),
        traps=tuple(sorted(chart.traps)),
        quirks=(),
        setting=chart.place.name,
        causes=chart.causes(),
    )
