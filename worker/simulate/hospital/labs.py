"""Laboratory results of one patient: blood on admission, CSF of the LP, and cultures days later."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.hospital.reports import Report, Source, happening
from worker.simulate.hospital.truth import Expected

if TYPE_CHECKING:
    from worker.model.time import EpochMs
    from worker.simulate.happenings import Scalar
    from worker.simulate.hospital.plan import Plan

EMERGENT_CELLS: Final = 100
NEURO_DUE_MS: Final = 5 * HOUR_MS + 30 * MINUTE_MS
"""Four hours without a neurological observation, and an hour and a half of grace."""
ADULT_DAYS: Final = 57
CELL_UNITS: Final = ("/uL", "/mm3", "10*6/L")


def blood(plan: Plan) -> Report:
    """Take blood on admission."""
    rng = plan.rng
    taken_ms = plan.admitted_ms + 40 * MINUTE_MS
    values: dict[str, Scalar] = {
        "crp": rng.randint(30, 220) if plan.is_infected else rng.randint(1, 9),
        "wbc": round(rng.uniform(4.5, 10.5), 1),
        "platelets": _platelets(plan),
        "inr": _inr(plan),
        "serum-glucose": plan.serum_glucose,
        "creatinine": round(rng.uniform(0.6, 1.2), 2),
    }
    return _report(plan, "B1", "blood", (taken_ms, taken_ms + rng.randint(40, 75) * MINUTE_MS), values)


def _platelets(plan: Plan) -> int:
    if plan.happens("platelets-lt50"):
        _plant_bleeding_risk(plan, "platelets-lt50")
        return plan.rng.randint(22, 46)
    if plan.happens("thrombocytopenia-lt150"):
        plan.trap("platelets-above-50")
        return plan.rng.randint(62, 145)
    return plan.rng.randint(160, 380)


def _inr(plan: Plan) -> float:
    if plan.happens("inr-gt-1.4"):
        _plant_bleeding_risk(plan, "inr-gt-1.4")
        return round(plan.rng.uniform(1.6, 2.4), 1)
    return round(plan.rng.uniform(0.9, 1.2), 1)


def _plant_bleeding_risk(plan: Plan, cause: str) -> None:
    if plan.puncture_ms is not None and all(one.rule != "bleeding-risk-context" for one in plan.expected):
        plan.plant(Expected("bleeding-risk-context", "info", plan.puncture_ms, cause))
        if plan.is_inpatient:
            # Nobody here charts the power of legs.
            plan.plant(Expected("no-neuro-obs-4h", "routine", plan.puncture_ms + NEURO_DUE_MS, cause))


def anticoagulant(plan: Plan) -> Report | None:
    """Give an anticoagulant on admission to some."""
    if not plan.happens("anticoagulated"):
        return None
    _plant_bleeding_risk(plan, "anticoagulated")
    given_ms = plan.admitted_ms + 50 * MINUTE_MS
    drug = plan.rng.choice(("apixaban", "rivaroxaban", "warfarin"))
    given = happening(f"{plan.name}-D1", "anticoagulant", (given_ms, given_ms + 2 * MINUTE_MS), drug)
    return Report(Source.WARD, (given,), plan.person.identifiers)


def csf(plan: Plan, puncture_ms: EpochMs) -> list[Report]:
    """Examine the CSF: cells and chemistry within two hours, the stain after them, the culture after two days."""
    rng = plan.rng
    taken_ms = puncture_ms - rng.randint(0, 5) * MINUTE_MS
    cells_ms = puncture_ms + rng.randint(60, 120) * MINUTE_MS
    white, red = _cells(plan, taken_ms)
    values: dict[str, Scalar] = {
        "csf-wbc": white,
        "csf-rbc": red,
        "csf-protein": rng.randint(90, 300) if plan.is_infected else rng.randint(18, 42),
        "csf-glucose": rng.randint(15, 38) if plan.is_infected else _usual_glucose(plan),
    }
    first = _report(plan, "C1", "csf", (taken_ms, cells_ms), values)
    unit = rng.choice(CELL_UNITS)
    counted = tuple(
        replace(one, unit=unit if one.concept == "csf-wbc" else one.unit) for one in first.happenings
    )
    stain = _report(
        plan, "C2", "csf-stain", (taken_ms, cells_ms + HOUR_MS), {"csf-gram": "No organisms seen"}
    )
    grown: dict[str, Scalar] = {"csf-culture": "No growth"}
    culture = _report(plan, "C3", "csf-culture", (taken_ms, taken_ms + 47 * HOUR_MS), grown)
    return [replace(first, happenings=counted), stain, culture]


def _usual_glucose(plan: Plan) -> int:
    """Give a glucose of the CSF about two thirds of that of the blood."""
    return round(plan.serum_glucose * plan.rng.uniform(0.58, 0.74))


def _cells(plan: Plan, taken_ms: EpochMs) -> tuple[Scalar, int]:
    rng = plan.rng
    if plan.is_infected:
        white = rng.choice((rng.randint(30, 95), rng.randint(120, 2400)))
        severity = "emergent" if white >= EMERGENT_CELLS else "urgent"
        plan.plant(Expected("csf-cells", severity, taken_ms, "cns-infection-among-lps"))
        return white, rng.randint(0, 20)
    # White cells are not corrected for red ones in the youngest, so no bloody tap is planted there.
    if plan.age_days >= ADULT_DAYS and plan.happens("traumatic-tap"):
        red = rng.randint(1_000, 60_000)
        plan.trap("traumatic-tap")
        return red // 1_000 + rng.randint(0, 4), red
    white_normal = rng.randint(0, 4)
    if white_normal == 0 and plan.has_quirk("comparator"):
        return "<1", rng.randint(0, 20)
    return white_normal, rng.randint(0, 20)


def _report(
    plan: Plan, suffix: str, panel: str, times: tuple[EpochMs, EpochMs], values: dict[str, Scalar]
) -> Report:
    number = f"{plan.name}-{suffix}"
    found = tuple(
        happening(f"{number}-{concept}", concept, times, value) for concept, value in values.items()
    )
    return Report(Source.LABORATORY, found, plan.person.identifiers, panel, number)
