"""Four-hourly observations of one patient: what is charted, and what is planted or trapped in it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.hospital.plan import OLDER_DAYS, Plan
from worker.simulate.hospital.truth import Ending, Expected

if TYPE_CHECKING:
    from worker.model.time import EpochMs

EVERY_MS: Final = 3 * HOUR_MS + 40 * MINUTE_MS
"""Four-hourly as wards mean it: never more than four hours apart, whenever the nurse comes."""
DAY_ONE_H: Final = 24.0
AT_LIMIT: Final = 38.0
"""Not above the fever limit of the rules, for adults."""
SEVERE_PAIN: Final = 7
EARLY_SHARE: Final = 0.6
"""House choice: of new fevers, those of day one."""
JUDGED_AFTER_MS: Final = 7 * HOUR_MS + 30 * MINUTE_MS
"""Six hours without a temperature, and an hour and a half of grace."""


@dataclass(slots=True)
class Row:
    """One set of observations; temperature in Cel, None where it was not taken."""

    at_ms: EpochMs
    temperature: float | None
    pain: int
    consciousness: str
    gcs: int
    heart_rate: int
    respiratory_rate: int
    spo2: int
    systolic: int
    diastolic: int


def chart(plan: Plan) -> list[Row]:
    """Chart a stay: ordinary values first, then what was planted."""
    rows = [_ordinary(plan, at_ms) for at_ms in _times(plan)]
    _chart_temperatures(plan, rows)
    _chart_consciousness(plan, rows)
    _chart_pain(plan, rows)
    return rows


def _times(plan: Plan) -> list[EpochMs]:
    times = []
    at_ms = plan.admitted_ms + 10 * MINUTE_MS
    while at_ms < plan.discharged_ms:
        times.append(at_ms + plan.rng.randint(-8, 8) * MINUTE_MS)
        at_ms += EVERY_MS
    return times


def _ordinary(plan: Plan, at_ms: EpochMs) -> Row:
    rng = plan.rng
    return Row(
        at_ms=at_ms,
        temperature=_afebrile(plan),
        pain=rng.choice((0, 1, 1, 2)),
        consciousness="C" if plan.has_dementia else "A",
        gcs=14 if plan.has_dementia else 15,
        heart_rate=rng.randint(58, 96),
        respiratory_rate=rng.randint(12, 19),
        spo2=rng.randint(94, 99),
        systolic=rng.randint(104, 148),
        diastolic=rng.randint(58, 88),
    )


def _afebrile(plan: Plan) -> float:
    return round(plan.rng.uniform(36.3, 37.4), 1)


def _fever(plan: Plan) -> float:
    return round(plan.rng.uniform(38.3, 39.3), 1)


def _after(plan: Plan, rows: list[Row], start_h: float, end_h: float) -> list[Row]:
    return [row for row in rows if start_h < plan.hours_after(row.at_ms) <= end_h]


def _chart_temperatures(plan: Plan, rows: list[Row]) -> None:
    if not plan.is_inpatient:
        return
    if plan.puncture_ms is not None and plan.is_febrile_before:
        _febrile_before(plan, rows)
    elif plan.happens("fever-in-medical-inpatients"):
        _new_fever(plan, rows)
    elif not plan.is_infant and plan.rng.random() < plan.rates["fever-in-medical-inpatients"]:
        _exactly_at_the_limit(plan, rows)
    if plan.is_watched and plan.happens("missed-temperatures"):
        _missed_temperatures(plan, rows)


def _febrile_before(plan: Plan, rows: list[Row]) -> None:
    """Chart a fever that was there before the LP and settles, or stays beyond day one."""
    before = [row for row in rows if plan.hours_after(row.at_ms) <= 0]
    peak = round(plan.rng.uniform(38.6, 39.3), 1)
    for row in before:
        row.temperature = peak
    for row in _after(plan, rows, 0, 9):
        row.temperature = round(peak - plan.rng.uniform(0.1, 0.5), 1)
    if plan.happens("fever-two-days"):
        _ongoing(plan, rows)
    else:
        plan.trap("febrile-before-lp")


def _ongoing(plan: Plan, rows: list[Row]) -> None:
    late = _after(plan, rows, DAY_ONE_H, DAY_ONE_H + 9)
    for row in late:
        row.temperature = _fever(plan)
    plan.plant(Expected("fever-ongoing-after-day1", "urgent", late[0].at_ms, "fever-two-days"))


def _new_fever(plan: Plan, rows: list[Row]) -> None:
    severity = "emergent" if plan.is_infant else "urgent"
    cause = "fever-in-medical-inpatients"
    if plan.rng.random() < EARLY_SHARE:
        spell = _after(plan, rows, 2, 20)[plan.rng.randint(0, 2) :][: plan.rng.randint(1, 2)]
        for row in spell:
            row.temperature = _fever(plan)
        goes_on = plan.happens("fever-two-days")
        ending: Ending = "superseded" if goes_on else "stands"
        plan.plant(Expected("fever-single", severity, spell[0].at_ms, cause, ending))
        if goes_on:
            _ongoing(plan, rows)
        return
    late = _after(plan, rows, DAY_ONE_H + 9, 58)
    at = rows.index(plan.rng.choice(late[:-1]))
    # Falling before, so that this is a first fever and not the end of a rise.
    rows[at - 2].temperature, rows[at - 1].temperature, rows[at].temperature = 37.1, 36.8, _fever(plan)
    plan.plant(Expected("fever-single", severity, rows[at].at_ms, cause))


def _exactly_at_the_limit(plan: Plan, rows: list[Row]) -> None:
    plan.rng.choice(_after(plan, rows, 2, 50)).temperature = AT_LIMIT
    plan.trap("exactly-38.0")


def _missed_temperatures(plan: Plan, rows: list[Row]) -> None:
    """Leave out two afebrile temperatures in a row on the first day."""
    day_one = _after(plan, rows, 0, 20)
    for first, second in itertools.pairwise(day_one[1:]):
        before = rows[rows.index(first) - 1]
        judged_h = plan.hours_after(before.at_ms + JUDGED_AFTER_MS)
        if _is_plain(first) and _is_plain(second) and _is_plain(before) and judged_h < DAY_ONE_H - 2:
            first.temperature = second.temperature = None
            at_ms = before.at_ms + JUDGED_AFTER_MS
            plan.plant(Expected("no-temp-6h", "routine", at_ms, "missed-temperatures"))
            return


def _is_plain(row: Row) -> bool:
    return row.temperature is not None and row.temperature < AT_LIMIT


def _chart_consciousness(plan: Plan, rows: list[Row]) -> None:
    if not plan.is_watched or not plan.is_inpatient:
        return
    if plan.has_dementia:
        plan.trap("confused-before-lp")
    elif plan.age_days >= OLDER_DAYS and plan.happens("incident-delirium-older-inpatients"):
        confused = _after(plan, rows, 6, 50)[plan.rng.randint(0, 6) :][:3]
        for row in confused:
            row.consciousness, row.gcs = "C", 14
        cause = "incident-delirium-older-inpatients"
        plan.plant(Expected("altered-consciousness", "emergent", confused[0].at_ms, cause))
    elif plan.rng.random() < plan.rates["dementia"]:
        plan.rng.choice(_after(plan, rows, 1, 50)).gcs = 14
        plan.trap("gcs-one-lower")


def _chart_pain(plan: Plan, rows: list[Row]) -> None:
    if not plan.is_watched or not plan.is_inpatient:
        return
    later = _after(plan, rows, 3, 52)
    at = rows.index(plan.rng.choice(later))
    if plan.happens("pain-spike"):
        # The same before, so that this is a jump and not the end of a climb.
        rows[at - 2].pain = 2
        rows[at - 1].pain, rows[at].pain, rows[at + 1].pain = 2, plan.rng.choice((5, 6, 8)), 3
        severity = "urgent" if rows[at].pain >= SEVERE_PAIN else "routine"
        plan.plant(Expected("pain-spike", severity, rows[at].at_ms, "pain-spike"))
    elif plan.happens("back-pain"):
        rows[at - 2].pain, rows[at - 1].pain, rows[at].pain, rows[at + 1].pain = 2, 2, 4, 3
        plan.trap("pain-two-points")
