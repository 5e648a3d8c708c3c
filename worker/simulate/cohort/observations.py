"""Sets of observations of one patient of the cohort, as its place charts them, with the usual mistakes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.model.time import MINUTE_MS
from worker.simulate.happenings import Revision
from worker.simulate.hospital.reports import Report, Source, happening

if TYPE_CHECKING:
    from worker.simulate.cohort.chart import Chart, Visit
    from worker.simulate.happenings import Scalar

TYPED_WRONG: Final = 39.4
QUIET_H: Final = (1.0, 20.0)
"""Mistakes are made on day one."""
LEFT_OUT_H: Final = 13.0
"""Until then a planted gap lasts."""
ORDER: Final = "ACVPU"


def observations(chart: Chart) -> list[Report]:
    """Chart every visit."""
    hours = [hour for visit in chart.visits for hour in _hours(chart, visit)]
    missed = _missed(chart, hours)
    reports = [_set(chart, hour, is_warm=hour not in missed) for hour in hours]
    return [*reports, *_mistyped(chart, reports)]


def _hours(chart: Chart, visit: Visit) -> list[float]:
    found = []
    hour = visit.from_h + 0.2
    while hour < visit.until_h:
        found.append(hour + chart.rng.uniform(-0.1, 0.1))
        hour += visit.every_h
    return found


def _missed(chart: Chart, hours: list[float]) -> set[float]:
    """Leave out two temperatures in a row on the first day of some inpatients."""
    day_one = [hour for hour in hours if QUIET_H[0] < hour < QUIET_H[1]]
    if not chart.stays_on or len(day_one) < 3 or not chart.happens("missed-temperatures"):  # noqa: PLR2004 - two and one more
        return set()
    start = chart.rng.randrange(len(day_one) - 1)
    missed = set(day_one[start : start + 2])
    chart.plant("missed-temperatures", "background", (0, 26), ("no-temp-6h",))
    return missed


def _set(chart: Chart, hour: float, *, is_warm: bool) -> Report:
    rng = chart.rng
    values: dict[str, Scalar] = {
        "heart-rate": rng.randint(58, 96),
        "respiratory-rate": rng.randint(12, 19),
        "spo2": rng.randint(94, 99),
        "blood-pressure": f"{rng.randint(104, 148)}/{rng.randint(58, 88)}",
    }
    if is_warm and not _is_left_out(chart, "no-temperatures", hour):
        values["body-temperature"] = temperature(chart, hour)
    if not _is_left_out(chart, "no-neuro", hour):
        values |= _neuro(chart, hour)
    values |= _pain(chart, hour)
    return _report(chart, hour, values)


def _is_left_out(chart: Chart, fact: str, hour: float) -> bool:
    return fact in chart.facts and 0 < hour < LEFT_OUT_H


def _neuro(chart: Chart, hour: float) -> dict[str, Scalar]:
    acvpu, gcs = _mind(chart, hour)
    found: dict[str, Scalar] = {"acvpu": acvpu}
    if gcs:
        found["gcs"] = gcs
    if chart.place.name == "neurology" and chart.happens("leg-power-charted"):
        found["leg-power"] = 3 if _is_weak(chart, hour) else 5
    return found


def _is_weak(chart: Chart, hour: float) -> bool:
    return any(one.words == "leg-weak" and one.from_h <= hour < one.until_h for one in chart.symptoms)


def _report(chart: Chart, hour: float, values: dict[str, Scalar]) -> Report:
    late_ms = chart.rng.randint(30, 120) * MINUTE_MS if chart.happens("charted-late") else 0
    at_ms = chart.at_ms(hour)
    times = (at_ms, at_ms + chart.rng.randint(2, 12) * MINUTE_MS + late_ms)
    number = chart.next_name("V")
    found = tuple(
        happening(f"{number}-{concept}", concept, times, value) for concept, value in values.items()
    )
    return Report(Source.WARD, found, chart.person.identifiers, "vitals", number)


def temperature(chart: Chart, hour: float) -> float:
    """Give the temperature of an hour: the highest fever of the time, or an ordinary one."""
    spells = [fever.peak for fever in chart.fevers if fever.from_h <= hour < fever.until_h]
    if not spells:
        return round(chart.rng.uniform(36.3, 37.6), 1)
    return round(max(spells) - chart.rng.uniform(0.0, 0.4), 1)


def _mind(chart: Chart, hour: float) -> tuple[str, int]:
    spells = [(mind.acvpu, mind.gcs) for mind in chart.minds if mind.from_h <= hour < mind.until_h]
    usual, gcs = chart.usual_mind
    if "sedated" in chart.facts and chart.happens("icu-fluctuates"):
        return ORDER[min(ORDER.index(usual) + 1, len(ORDER) - 1)], 0
    return max(spells, key=lambda spell: ORDER.index(spell[0]), default=(usual, gcs))


def _pain(chart: Chart, hour: float) -> dict[str, Scalar]:
    scores: dict[str, Scalar] = {}
    for symptom in chart.symptoms:
        score = symptom.score_at(hour)
        if score is not None and symptom.site:
            scores[f"{symptom.site}-pain-score" if symptom.site != "head" else "headache-score"] = score
    if "sedated" in chart.facts or not (scores or chart.happens("asked-pain-score")):
        return {}
    if scores and "sites-scored" in chart.facts:
        return scores
    worst = max((int(score) for score in scores.values()), default=chart.rng.choice((0, 0, 0, 1, 1, 2)))
    return {"pain-score": worst}


def _mistyped(chart: Chart, reports: list[Report]) -> list[Report]:
    """Type a temperature wrong in one set, and send the set again with the right one."""
    quiet = [
        number
        for number, report in enumerate(reports)
        if chart.at_ms(QUIET_H[0]) < report.happenings[0].at_ms < chart.at_ms(QUIET_H[1])
        and any(one.concept == "body-temperature" for one in report.happenings)
    ]
    if not quiet or not chart.stays_on or not chart.happens("mistyped"):
        return []
    at = chart.rng.choice(quiet)
    right = reports[at]
    wait_ms = chart.rng.randint(30, 120) * MINUTE_MS
    typed = tuple(
        replace(one, value=TYPED_WRONG) if one.concept == "body-temperature" else one
        for one in right.happenings
    )
    corrected = tuple(
        replace(one, received_at_ms=one.received_at_ms + wait_ms, revision=Revision.CORRECTED)
        for one in right.happenings
    )
    reports[at] = replace(right, happenings=typed)
    hour = (right.happenings[0].at_ms - chart.lp_ms) / (60 * MINUTE_MS)
    rules = ("fever-single", "fever-ongoing-after-day1", "fever-with-neck-stiffness")
    chart.plant("mistyped", "error", (hour - 1, hour + 24), rules)
    return [replace(right, happenings=corrected)]
