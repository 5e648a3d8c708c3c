"""Laboratory results of one patient of the cohort: blood, CSF of each LP, cultures days later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.cohort.chart import ALWAYS
from worker.simulate.hospital.reports import Report, Source, happening

if TYPE_CHECKING:
    from worker.simulate.cohort.chart import Chart
    from worker.simulate.happenings import Scalar

CSF_RULES: Final = ("csf-cells", "csf-chemistry", "csf-organism")
BLEEDING: Final = "bleeding-risk-context"
OLD_PROTEIN_DAYS: Final = 50 * 365
NEWBORN_DAYS: Final = 60
RED_LIMIT: Final = 300
"""Red cells per microlitre above which a tap counts as traumatic in the published rate."""
RED_MEDIAN: Final = 2_500
RED_SIGMA: Final = 1.2
RED_PER_WHITE: Final = (600, 1_200)
"""Assumption: white cells that come with blood, one for so many red ones."""


@dataclass(slots=True)
class Fluid:
    """What the laboratory finds in the CSF; parts of the course change it before it is reported."""

    white: int = 0
    red: int = 0
    protein: int = 32
    glucose: int = 62
    serum_glucose: int = 98
    stain: str = "No organisms seen"
    culture: str = "No growth"
    pressure: int | None = None


def ordinary(chart: Chart) -> Fluid:
    """Draw a CSF without infection: blood from the needle, protein and cells of the disease."""
    rng = chart.rng
    protein = rng.randint(60, 120) if chart.age_days < NEWBORN_DAYS else rng.randint(20, 43)
    fluid = Fluid(
        white=rng.choice((0, 0, 1, 1, 2, 3, 4)),
        protein=protein,
        glucose=rng.randint(54, 74),
        serum_glucose=rng.randint(82, 105),
        red=rng.randint(0, 40),
    )
    if chart.happens("traumatic-tap"):
        chart.facts.add("traumatic")
        fluid.red = RED_LIMIT + round(RED_MEDIAN * rng.lognormvariate(0, RED_SIGMA))
        fluid.white += fluid.red // rng.randint(*RED_PER_WHITE)
        fluid.protein += fluid.red // 1_000
        chart.plant("traumatic-tap", "background", (-6, 336), CSF_RULES)
    if chart.place.name in {"neurology", "oncology"}:
        _disease(chart, fluid)
    if chart.happens("csf-contaminant"):
        fluid.culture = "Coagulase negative staphylococcus, likely contaminant"
        chart.traps.add("csf-contaminant")
    if chart.happens("low-csf-glucose"):
        fluid.glucose = rng.randint(36, 44)
        chart.plant("low-csf-glucose", "disease", (-6, 336), ("csf-chemistry",))
    return fluid


def _disease(chart: Chart, fluid: Fluid) -> None:
    if chart.happens("raised-protein"):
        fluid.protein += chart.rng.randint(25, 90)
        chart.plant("raised-protein", "disease", (-6, 336), ("csf-chemistry",))
    if chart.happens("few-white-cells"):
        fluid.white += chart.rng.randint(6, 30)
        chart.plant("few-white-cells", "disease", (-6, 336), ("csf-cells",))


def report_csf(chart: Chart, hour: float, fluid: Fluid) -> None:
    """Report an LP's CSF: chemistry and cells in an hour or two, the culture after two days."""
    rng = chart.rng
    taken_ms = chart.at_ms(hour) + 5 * MINUTE_MS
    cells_ms = taken_ms + rng.randint(50, 150) * MINUTE_MS
    times = (taken_ms, cells_ms)
    if fluid.pressure is not None:
        single(chart, "opening-pressure", hour, fluid.pressure)
    panel(
        chart,
        "csf",
        times,
        {
            "csf-wbc": fluid.white,
            "csf-rbc": fluid.red,
            "csf-protein": fluid.protein,
            "csf-glucose": fluid.glucose,
        },
    )
    panel(chart, "csf-stain", (taken_ms, cells_ms + HOUR_MS), {"csf-gram": fluid.stain})
    grown_ms = taken_ms + rng.randint(40, 52) * HOUR_MS
    panel(chart, "csf-culture", (taken_ms, grown_ms), {"csf-culture": fluid.culture})


def blood(chart: Chart, hour: float, values: dict[str, Scalar]) -> None:
    """Report blood that was taken at an hour."""
    taken_ms = chart.at_ms(hour)
    panel(chart, "blood", (taken_ms, taken_ms + chart.rng.randint(40, 80) * MINUTE_MS), values)


def blood_culture(chart: Chart, hour: float, result: str) -> None:
    """Report a blood culture after one or two days."""
    taken_ms = chart.at_ms(hour)
    grown_ms = taken_ms + chart.rng.randint(20, 50) * HOUR_MS
    panel(chart, "blood-culture", (taken_ms, grown_ms), {"blood-culture": result})


def single(chart: Chart, concept: str, hour: float, value: Scalar) -> None:
    """Chart one value at the bedside, in a message of its own."""
    at_ms = chart.at_ms(hour)
    found = happening(chart.next_name("S"), concept, (at_ms, at_ms + 5 * MINUTE_MS), value)
    chart.reports.append(Report(Source.WARD, (found,), chart.person.identifiers))


def panel(chart: Chart, name: str, times: tuple[int, int], values: dict[str, Scalar]) -> None:
    """Report results that were taken together."""
    number = chart.next_name("L")
    found = tuple(
        happening(f"{number}-{concept}", concept, times, value) for concept, value in values.items()
    )
    chart.reports.append(Report(Source.LABORATORY, found, chart.person.identifiers, name, number))


def admission_blood(chart: Chart, fluid: Fluid, crp: int) -> None:
    """Take blood on arrival, with what raises the risk of bleeding."""
    rng = chart.rng
    values: dict[str, Scalar] = {
        "crp": crp,
        "wbc": round(rng.uniform(4.5, 10.5), 1),
        "platelets": _platelets(chart),
        "inr": _inr(chart),
        "serum-glucose": fluid.serum_glucose,
        "egfr": rng.randint(24, 58) if chart.is_adult and chart.happens("renal") else rng.randint(72, 118),
    }
    if int(values["egfr"]) < rng.randint(59, 60):
        chart.facts.add("renal")
    blood(chart, max(chart.stay.from_h + 0.6, -3.0), values)


def _platelets(chart: Chart) -> int:
    rate = "platelets-lt50-oncology" if chart.place.name == "oncology" else "platelets-lt50"
    if chart.happens(rate):
        high_risk(chart, "platelets-lt50")
        return chart.rng.randint(22, 46)
    if chart.happens("thrombocytopenia-lt150"):
        chart.traps.add("platelets-above-50")
        return chart.rng.randint(62, 145)
    return chart.rng.randint(160, 380)


def _inr(chart: Chart) -> float:
    if chart.happens("inr-gt-1.4"):
        high_risk(chart, "inr-gt-1.4")
        return round(chart.rng.uniform(1.6, 2.4), 1)
    return round(chart.rng.uniform(0.9, 1.2), 1)


def high_risk(chart: Chart, kind: str) -> None:
    """Note that bleeding is likelier: context, and gaps in neurological observations count."""
    chart.facts.add("high-bleeding-risk")
    chart.plant(kind, "background", (-96, ALWAYS), (BLEEDING, "no-neuro-obs-4h"))
