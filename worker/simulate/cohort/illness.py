"""What patients of the cohort have besides the LP: the illness it was done for, fevers, delirium, old deficits, drugs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.model.time import MINUTE_MS
from worker.simulate.cohort import laboratory
from worker.simulate.cohort.chart import ALWAYS, OLDER_DAYS, Fever, Mind, Symptom
from worker.simulate.cohort.places import YEAR
from worker.simulate.hospital.reports import Report, Source, happening

if TYPE_CHECKING:
    from worker.simulate.cohort.chart import Chart
    from worker.simulate.cohort.laboratory import Fluid

FEVER: Final = ("fever-single", "fever-ongoing-after-day1", "fever-with-neck-stiffness", "nonpostural-pain")
MIND: Final = ("altered-consciousness",)
OF_INFECTION: Final = (*FEVER, *MIND, "csf-cells", "csf-chemistry", "csf-organism", "blood-culture-positive")
BEFORE_H: Final = 1_000.0
"""How long before the LP old things began."""
EMERGENT_CELLS: Final = 100
FIRST_DAYS: Final = 0.7
"""Assumption: of fevers in medical inpatients, those of the first two days of the stay."""


def background(chart: Chart, fluid: Fluid) -> None:
    """Draw everything that is not of the LP; an infection changes the CSF."""
    _reason(chart, fluid)
    if chart.stays_on:
        _unrelated_fever(chart)
    _mind(chart)
    if chart.is_adult:
        _old_deficit(chart)
        _drugs(chart)


def _reason(chart: Chart, fluid: Fluid) -> None:
    """Give the reason for the LP its signs, all from before it."""
    has_headache = chart.indication in {"thunderclap headache", "suspected high pressure"}
    if chart.indication == "suspected infection":
        _suspected_infection(chart, fluid)
        has_headache = chart.is_adult
    if has_headache and chart.happens("headache-before-lp"):
        chart.facts.add("headache-before-lp")
        chart.traps.add("headache-before-lp")
        until_h = chart.rng.uniform(-1, 60)
        symptom = Symptom("headache-other", -30, until_h, "head", ((-30, 5), (-2, 5), (10, 3)), is_new=False)
        rules = (
            "nonpostural-pain",
            "pain-spike",
            "pain-beyond-72h",
            "headache-beyond-7d",
            "pain-progressive",
        )
        chart.plant("headache-before-lp", "background", (-30, until_h + 48), rules, (symptom,))


def _suspected_infection(chart: Chart, fluid: Fluid) -> None:
    is_ed = chart.place.name == "ed"
    is_infected = chart.happens("cns-infection-confirmed-in-ed" if is_ed else "cns-infection-among-lps")
    is_febrile = chart.happens("febrile-before-lp" if chart.is_adult else "febrile-child-before-lp")
    if is_infected or is_febrile:
        _febrile_before(chart)
    if chart.happens("neck-stiff-before-lp"):
        words = "neck-stiff" if chart.age_days >= YEAR else "fontanelle"
        symptom = Symptom(words, -20, chart.rng.uniform(-1, 40), is_new=False)
        chart.plant(
            "neck-stiff-before-lp", "background", (-20, 90), ("fever-with-neck-stiffness",), (symptom,)
        )
        chart.traps.add("neck-stiff-before-lp")
    if chart.is_adult and "sedated" not in chart.facts and chart.happens("confused-before-lp"):
        until_h = chart.rng.uniform(6, 48)
        chart.minds.append(Mind(-12, until_h, "C", 14))
        symptom = Symptom("confused-still", -12, until_h, is_new=False)
        chart.plant("confused-before-lp", "background", (-12, until_h + 24), MIND, (symptom,))
        chart.traps.add("confused-before-lp")
    if is_infected:
        infection(chart, fluid, is_bacterial=chart.happens("bacterial-among-infections"))
    laboratory.blood_culture(chart, max(chart.stay.from_h + 0.6, -3.0), _blood_culture(chart))


def _blood_culture(chart: Chart) -> str:
    if "bacterial" in chart.facts and chart.happens("blood-culture-in-bacterial"):
        chart.plant("bacteraemia", "disease", (-24, 400), ("blood-culture-positive",))
        chart.expect("blood-culture-positive", "urgent", chart.stay.from_h, "bacteraemia")
        return "Streptococcus pneumoniae isolated"
    if chart.happens("blood-culture-contaminant"):
        chart.traps.add("blood-culture-contaminant")
        return "Coagulase negative staphylococcus, likely contaminant"
    return "No growth"


def infection(chart: Chart, fluid: Fluid, *, is_bacterial: bool) -> None:
    """Infect the nervous system: cells, and of bacteria low glucose, a stain, growth."""
    rng = chart.rng
    kind = "bacterial-infection" if is_bacterial else "viral-infection"
    chart.plant(kind, "disease", (-48, 400), OF_INFECTION)
    chart.facts.add("bacterial" if is_bacterial else "viral")
    if is_bacterial:
        has_cells = not chart.happens("bacterial-meningitis-normal-csf-cells")
        fluid.glucose, fluid.protein = rng.randint(12, 38), rng.randint(110, 350)
        if chart.happens("gram-in-bacterial"):
            fluid.stain = "Gram positive diplococci seen"
        if chart.happens("culture-in-bacterial") or not has_cells:
            fluid.culture = "Neisseria meningitidis isolated"
        if fluid.culture != "No growth" or fluid.stain != "No organisms seen":
            chart.expect("csf-organism", "emergent", 0, kind)
        if chart.happens("rash-in-bacterial"):
            symptom = Symptom("rash-purpuric", -8, 60, is_new=False)
            chart.plant("rash", "disease", (-24, 168), ("purpuric-rash",), (symptom,))
            chart.expect("purpuric-rash", "emergent", 0, "rash")
    else:
        has_cells = True
        fluid.protein = rng.randint(46, 110)
    if has_cells:
        fluid.white = rng.randint(150, 3_000) if is_bacterial else rng.randint(25, 400)
        fluid.red = rng.randint(0, 40)
        severity = "emergent" if fluid.white >= EMERGENT_CELLS else "urgent"
        chart.expect("csf-cells", severity, 0, kind)


def _febrile_before(chart: Chart) -> None:
    """Be febrile at the LP; most settle in the first day, the others go on."""
    rng = chart.rng
    peak = round(rng.uniform(38.5, 39.6), 1)
    settles = chart.happens("fever-settles-by-day-two")
    until_h = rng.uniform(2, 22) if settles else rng.uniform(30, 72)
    chart.fevers.append(Fever(chart.stay.from_h - 12, until_h, peak))
    if settles:
        chart.traps.add("febrile-before-lp")
    chart.plant("febrile-before-lp", "background", (-72, until_h + 24), FEVER)


def _unrelated_fever(chart: Chart) -> None:
    """Draw a fever of another cause during the stay: most begin in its first two days."""
    if chart.fevers or not chart.happens("fever-in-medical-inpatients"):
        return
    rng = chart.rng
    stay_h = chart.stay.until_h - chart.stay.from_h
    early = rng.random() < FIRST_DAYS
    begins = chart.stay.from_h + (rng.uniform(0, min(48, stay_h)) if early else rng.uniform(0, stay_h))
    lasts = rng.uniform(24, 60) if chart.happens("fever-two-days") else rng.uniform(4, 16)
    chart.fevers.append(Fever(begins, begins + lasts, round(rng.uniform(38.3, 39.4), 1)))
    chart.plant("unrelated-fever", "background", (begins - 2, begins + lasts + 24), FEVER)


def _mind(chart: Chart) -> None:
    rng = chart.rng
    if chart.place.name == "icu" and chart.happens("intubated"):
        chart.facts.add("sedated")
        chart.usual_mind = (rng.choice(("V", "P")), 0)
        chart.plant("sedated", "background", (-96, ALWAYS), MIND)
        hour = -6.0
        while hour < chart.stay.until_h - 12:
            _drug(chart, "sedation", "propofol", hour)
            hour += 6
        return
    is_memory = chart.place.name == "memory"
    if chart.age_days >= OLDER_DAYS and (is_memory or chart.happens("chronic-confusion")):
        chart.usual_mind = ("C", 14) if not is_memory or rng.random() < HALF else ("A", 15)
        if chart.usual_mind[0] == "C":
            chart.symptoms.append(Symptom("dementia", -BEFORE_H, ALWAYS, is_new=False))
            chart.history.append("Dementia.")
            chart.traps.add("confused-before-lp")
        return
    is_older = chart.age_days >= OLDER_DAYS and chart.stays_on
    if is_older and chart.happens("incident-delirium-older-inpatients"):
        begins = chart.stay.from_h + rng.uniform(6, max(10.0, chart.stay.until_h - chart.stay.from_h - 10))
        until_h = begins + rng.uniform(10, 40)
        if chart.happens("delirium-scored"):
            chart.minds.append(Mind(begins, until_h, "C", 14))
        symptom = Symptom("confused", begins, until_h)
        chart.plant("delirium", "background", (begins - 2, until_h + 30), MIND, (symptom,))


HALF: Final = 0.5


def _old_deficit(chart: Chart) -> None:
    if not chart.happens("chronic-deficit"):
        return
    words = chart.rng.choice(("old-weak", "old-numb", "old-incontinent"))
    chart.symptoms.append(Symptom(words, -BEFORE_H, ALWAYS, is_new=False))
    kept = {"old-weak": "Old stroke with residual left leg weakness.", "old-numb": "Diabetic neuropathy."}
    chart.history.append(kept.get(words, "Incontinent of urine for years."))
    chart.traps.add(f"chronic-{words}")


def _drugs(chart: Chart) -> None:
    rng = chart.rng
    if chart.happens("anticoagulated"):
        _drug(
            chart, "anticoagulant", rng.choice(("apixaban", "rivaroxaban", "warfarin")), rng.uniform(-40, 20)
        )
        laboratory.high_risk(chart, "anticoagulated")
    elif chart.stays_on and chart.happens("prophylaxis"):
        hour = rng.uniform(6, 18)
        _drug(chart, "anticoagulant", "enoxaparin prophylaxis", hour)
        rules = ("bleeding-risk-context", "nsaid-caution")
        chart.plant("prophylaxis", "background", (-96, ALWAYS), rules)
    if chart.stays_on and chart.happens("nsaid-after-lp"):
        _drug(chart, "nsaid", "diclofenac", rng.uniform(2, 30))
        chart.plant("nsaid-after-lp", "background", (-96, ALWAYS), ("nsaid-caution",))


def _drug(chart: Chart, concept: str, name: str, hour: float) -> None:
    at_ms = chart.at_ms(hour)
    given = happening(chart.next_name("D"), concept, (at_ms, at_ms + 3 * MINUTE_MS), name)
    chart.reports.append(Report(Source.WARD, (given,), chart.person.identifiers))


give = _drug
