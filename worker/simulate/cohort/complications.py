"""One complication of every kind that a rule is for, and the three that are frequent enough to happen by published rates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.model.time import MINUTE_MS
from worker.simulate.cohort import aftermath, illness, laboratory
from worker.simulate.cohort.chart import Fever, Mind, Symptom, Visit
from worker.simulate.cohort.places import CHILDREN, ED, HIGH_PRESSURE, MEMORY, NEUROLOGY, YEAR, Place
from worker.simulate.happenings import Happening
from worker.simulate.hospital.reports import Report, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.simulate.cohort.chart import Chart
    from worker.simulate.cohort.laboratory import Fluid

NEURO: Final = (
    "leg-weakness",
    "bladder-bowel-saddle",
    "new-numbness",
    "radicular-leg-pain",
    "severe-back-pain",
    "band-like-back-pain",
    "focal-neuro-deficit",
    "altered-consciousness",
)
PAIN: Final = tuple(dict.fromkeys((*aftermath.HEADACHE, *aftermath.BACK)))
FEVER: Final = (
    "fever-single",
    "fever-ongoing-after-day1",
    "fever-with-neck-stiffness",
    "puncture-site-infection",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A complication: where it is planted, in whom, and how."""

    id: str
    title: str
    place: Place
    build: Callable[[Chart, Fluid], None]
    ages_d: tuple[int, int] | None = None


def plant(chart: Chart, kind: Kind, fluid: Fluid) -> None:
    """Plant a complication in an otherwise uneventful course."""
    stay = chart.visits[0]
    if stay.encounter_class != "outpatient":
        chart.visits[0] = replace(stay, until_h=max(stay.until_h, 96.0))
    kind.build(chart, fluid)


def natural(chart: Chart) -> None:
    """Let the complications happen for which a rate is published."""
    if chart.happens("spinal-haematoma-30d") and "sedated" not in chart.facts:
        _haematoma_at(chart, chart.rng.uniform(4, 40))
    if chart.happens("iatrogenic-meningitis"):
        _meningitis_at(chart, chart.rng.uniform(20, 60))
    has_pdph = any(one.kind == "pdph" for one in chart.planted)
    if has_pdph and chart.happens("intracranial-subdural-given-pdph"):
        _subdural_at(chart, chart.rng.uniform(96, 200))


def _stay(chart: Chart, until_h: float) -> None:
    chart.visits[0] = replace(chart.visits[0], until_h=max(until_h, chart.visits[0].until_h))


def _return(chart: Chart, hour: float, reason: str, stays_h: float = 48.0) -> None:
    """Bring the patient back to hospital for a reason that the arrival message says."""
    if chart.is_inside(hour):
        return
    why = (f"PRESENTING COMPLAINT: {reason}.",)
    chart.visits.append(Visit("emergency", hour, hour + stays_h, 4.0, 12.0, reason, why))


def _hurts(
    words: str, hours: tuple[float, float], site: str, scores: tuple[int, ...], every: float = 6
) -> Symptom:
    steps = tuple((hours[0] + number * every, score) for number, score in enumerate(scores))
    return Symptom(words, *hours, site, steps)


# --- bleeding ------------------------------------------------------------------------------------------------------


def _haematoma_at(chart: Chart, hour: float) -> None:
    if not chart.is_inside(hour + 8):
        _return(chart, hour + 6, "back pain and weak legs after lumbar puncture")
    _stay(chart, hour + 40) if chart.is_inside(hour) else None
    symptoms = (
        _hurts("back-severe", (hour, hour + 60), "back", (8, 9, 8), 12),
        Symptom("leg-weak", hour + 7, hour + 60),
        Symptom("retention", hour + 10, hour + 40),
    )
    kind = "spinal-haematoma"
    chart.plant(kind, "complication", (hour - 1, hour + 90), (*NEURO, *PAIN), symptoms)
    chart.expect("leg-weakness", "emergent", hour + 7, kind)
    chart.expect("bladder-bowel-saddle", "emergent", hour + 10, kind)
    chart.expect("severe-back-pain", "urgent", hour, kind)


def _haematoma(chart: Chart, _fluid: Fluid) -> None:
    _haematoma_at(chart, chart.rng.uniform(6, 30))


def _subdural_at(chart: Chart, hour: float) -> None:
    _return(chart, hour, "confusion, headache since lumbar puncture", 72)
    chart.minds.append(Mind(hour, hour + 60, "V", 11))
    symptoms = (
        _hurts("headache-was-postural", (hour, hour + 70), "head", (7, 8), 12),
        Symptom("drowsy", hour, hour + 60),
    )
    kind = "subdural-haematoma"
    chart.plant(kind, "complication", (hour - 1, hour + 90), (*NEURO, *PAIN), symptoms)
    chart.expect("altered-consciousness", "urgent", hour, kind)
    chart.expect("nonpostural-pain", "urgent", hour, kind)


def _subdural(chart: Chart, _fluid: Fluid) -> None:
    start = chart.rng.uniform(14, 24)
    chart.symptoms.append(_hurts("headache-postural", (start, 150), "head", (5, 6, 5)))
    chart.plant("pdph", "aftermath", (start - 2, 250), PAIN)
    _subdural_at(chart, chart.rng.uniform(150, 190))


# --- infection -----------------------------------------------------------------------------------------------------


def _meningitis_at(chart: Chart, hour: float) -> None:
    _return(chart, hour + 2, "fever and neck stiffness after lumbar puncture", 90)
    chart.fevers.append(Fever(hour, hour + 60, 39.3))
    symptoms = (Symptom("neck-stiff", hour + 2.5, hour + 70), Symptom("confused", hour + 8, hour + 50))
    kind = "iatrogenic-meningitis"
    rules = (*FEVER, *NEURO, "return-after-lp", "nonpostural-pain")
    chart.plant(kind, "complication", (hour - 1, hour + 96), rules, symptoms)
    chart.expect("fever-with-neck-stiffness", "emergent", hour + 2.5, kind)
    chart.expect("altered-consciousness", "emergent", hour + 8, kind)


def _meningitis(chart: Chart, _fluid: Fluid) -> None:
    _meningitis_at(chart, chart.rng.uniform(22, 50))


def _new_fever(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(5, 16)
    chart.fevers.append(Fever(hour, hour + 6, 38.9))
    chart.plant("new-fever", "complication", (hour, hour + 30), FEVER)
    chart.expect("fever-single", "urgent", hour, "new-fever")


def _infant_fever(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(5, 16)
    chart.fevers.append(Fever(hour, hour + 6, 38.8))
    chart.plant("infant-fever", "complication", (hour, hour + 30), FEVER)
    chart.expect("fever-single", "emergent", hour, "infant-fever")


def _lasting_fever(chart: Chart, _fluid: Fluid) -> None:
    chart.fevers.append(Fever(18, 60, 39.2))
    chart.plant("lasting-fever", "complication", (18, 80), FEVER)
    chart.expect("fever-ongoing-after-day1", "urgent", 26, "lasting-fever")


def _site(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(30, 80)
    symptom = Symptom("site-red", hour, hour + 60)
    chart.plant("site-infection", "complication", (hour - 1, hour + 90), FEVER, (symptom,))
    chart.expect("puncture-site-infection", "urgent", hour, "site-infection")


def _discitis(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(400, 700)
    chart.symptoms.append(_hurts("back-moderate", (3, 30), "back", (4, 5)))
    _return(chart, hour, "low back pain", 30)
    symptom = _hurts("back-persisting", (hour, hour + 40), "back", (6, 6, 7))
    rules = ("crp-persistent-pain", "return-after-lp", *aftermath.BACK)
    chart.plant("discitis", "complication", (hour - 1, hour + 60), rules, (symptom,))
    laboratory.blood(chart, hour + 1, {"crp": chart.rng.randint(38, 140), "wbc": 9.8})
    chart.expect("crp-persistent-pain", "urgent", hour + 1, "discitis")


def _cells(chart: Chart, fluid: Fluid) -> None:
    fluid.white, fluid.protein, fluid.glucose = chart.rng.randint(150, 900), 140, 30
    chart.plant("csf-cells", "disease", (-6, 336), illness.OF_INFECTION)
    chart.expect("csf-cells", "emergent", 0, "csf-cells")


def _organism(chart: Chart, fluid: Fluid) -> None:
    fluid.white, fluid.culture = 3, "Neisseria meningitidis isolated"
    chart.plant("late-culture", "disease", (-6, 336), illness.OF_INFECTION)
    chart.expect("csf-organism", "emergent", 0, "late-culture")


def _chemistry(chart: Chart, fluid: Fluid) -> None:
    fluid.protein = 88
    chart.plant("csf-protein", "disease", (-6, 336), ("csf-chemistry",))
    chart.expect("csf-chemistry", "routine", 0, "csf-protein")


def _rash(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(4, 30)
    symptom = Symptom("rash-purpuric", hour, hour + 50)
    chart.plant("purpuric-rash", "complication", (hour - 1, hour + 90), ("purpuric-rash",), (symptom,))
    chart.expect("purpuric-rash", "emergent", hour, "purpuric-rash")


def _bacteraemia(chart: Chart, _fluid: Fluid) -> None:
    laboratory.blood_culture(chart, 10, "Staphylococcus aureus isolated")
    chart.plant("bacteraemia", "complication", (0, 200), ("blood-culture-positive",))
    chart.expect("blood-culture-positive", "urgent", 10, "bacteraemia")


# --- nerves and brain ----------------------------------------------------------------------------------------------


def _sign(words: str, rule: str, severity: str, hours: tuple[float, float]) -> Callable[[Chart, Fluid], None]:
    """Make a kind of one new sign that a note tells of."""

    def build(chart: Chart, _fluid: Fluid) -> None:
        hour = chart.rng.uniform(*hours)
        _stay(chart, hour + 30)
        symptom = Symptom(words, hour, hour + 40)
        chart.plant(words, "complication", (hour - 1, hour + 90), (*NEURO, *PAIN), (symptom,))
        chart.expect(rule, severity, hour, words)

    return build


def _falling_score(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(20, 50)
    chart.minds.append(Mind(hour, hour + 30, "V", 12))
    chart.plant("falling-gcs", "complication", (hour - 1, hour + 60), NEURO)
    chart.expect("altered-consciousness", "emergent", hour, "falling-gcs")


def _radicular_at_risk(chart: Chart, _fluid: Fluid) -> None:
    illness.give(chart, "anticoagulant", "apixaban", 6)
    laboratory.high_risk(chart, "anticoagulated")
    hour = chart.rng.uniform(10, 30)
    kind = "radicular-with-anticoagulant"
    symptom = Symptom("radicular", hour, hour + 40)
    chart.plant(kind, "complication", (hour - 1, hour + 90), NEURO, (symptom,))
    chart.expect("radicular-leg-pain", "emergent", hour, kind)
    chart.expect("bleeding-risk-context", "info", 6, kind)


def _residual(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(10, 40)
    laboratory.single(chart, "post-void-residual", hour, chart.rng.randint(320, 700))
    chart.plant("retention-measured", "complication", (hour - 1, hour + 48), NEURO)
    chart.expect("bladder-bowel-saddle", "emergent", hour, "retention-measured")


# --- headache ------------------------------------------------------------------------------------------------------


def _postural(
    chart: Chart, kind: str, hours: tuple[float, float], scores: tuple[int, ...], words: str
) -> None:
    symptom = _hurts(words, hours, "head", scores, 12)
    start, end = hours
    chart.plant(kind, "complication", (start - 2, end + 48), PAIN, (symptom,))


def _severe_headache(chart: Chart, _fluid: Fluid) -> None:
    _postural(chart, "severe-headache", (14, 42), (8, 8, 7), "headache-severe-postural")
    chart.expect("severe-positional-headache", "routine", 14, "severe-headache")


def _patch_candidate(chart: Chart, _fluid: Fluid) -> None:
    _postural(chart, "patch-candidate", (20, 110), (6, 6, 6, 6, 5, 5), "headache-postural")
    chart.expect("ebp-candidate", "routine", 48, "patch-candidate")


def _patch_fails(chart: Chart, _fluid: Fluid) -> None:
    _stay(chart, 130)
    _postural(chart, "pdph", (20, 60), (7, 7, 7), "headache-severe-postural")
    at_ms = chart.at_ms(62)
    patch = Happening(chart.next_name("P"), "blood-patch", at_ms, at_ms + 10 * MINUTE_MS)
    chart.reports.append(Report(Source.WARD, (patch,), chart.person.identifiers))
    symptom = _hurts("headache-after-patch", (95, 125), "head", (6, 6, 6))
    chart.plant("failed-patch", "complication", (90, 170), PAIN, (symptom,))
    chart.expect("ebp-failure", "routine", 95, "failed-patch")


def _long_headache(chart: Chart, _fluid: Fluid) -> None:
    _stay(chart, 60)
    _postural(chart, "long-headache", (20, 230), (6, 6, 5, 5), "headache-postural")
    _return(chart, 200, "headache", 20)
    chart.expect("headache-beyond-7d", "urgent", 200, "long-headache")


def _late_headache(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(140, 200)
    _return(chart, hour, "new headache", 20)
    symptom = _hurts("headache-late", (hour, hour + 30), "head", (6, 6))
    chart.plant("late-headache", "complication", (hour - 1, hour + 60), PAIN, (symptom,))
    chart.expect("headache-late-onset", "routine", hour, "late-headache")


def _not_postural(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(10, 60)
    symptom = _hurts("headache-not-postural", (hour, hour + 30), "head", (6, 6, 5))
    chart.plant("not-postural", "complication", (hour - 1, hour + 60), PAIN, (symptom,))
    chart.expect("nonpostural-pain", "urgent", hour, "not-postural")


def _returned(chart: Chart, _fluid: Fluid) -> None:
    _stay(chart, 110)
    _postural(chart, "pdph", (20, 70), (5, 5, 4), "headache-postural")
    chart.symptoms += [Symptom("headache-gone", 71, 108)]
    _return(chart, 190, "headache", 20)
    symptom = _hurts("headache-returned", (190, 215), "head", (6, 6))
    chart.plant("headache-returned", "complication", (185, 240), PAIN, (symptom,))
    chart.expect("symptoms-return", "routine", 190, "headache-returned")


def _return_visit(chart: Chart, _fluid: Fluid) -> None:
    hour = chart.rng.uniform(30, 90)
    symptom = _hurts("headache-postural", (hour - 12, hour + 20), "head", (5, 6, 6))
    _return(chart, hour, "headache after lumbar puncture", 12)
    rules = ("return-after-lp", *PAIN)
    chart.plant("return-visit", "complication", (hour - 14, hour + 48), rules, (symptom,))
    chart.expect("return-after-lp", "routine", hour, "return-visit")


# --- pain, pressure, drugs, gaps -----------------------------------------------------------------------------------


def _spike(chart: Chart, _fluid: Fluid) -> None:
    symptom = _hurts("back-moderate", (6, 40), "back", (2, 2, 6, 3), 7)
    chart.plant("pain-spike", "complication", (6, 70), PAIN, (symptom,))
    chart.expect("pain-spike", "routine", 20, "pain-spike")


def _progressive(chart: Chart, _fluid: Fluid) -> None:
    symptom = _hurts("headache-worse-despite", (14, 60), "head", (3, 4, 5, 6, 7), 9)
    chart.plant("pain-progressive", "complication", (14, 90), PAIN, (symptom,))
    chart.expect("pain-progressive", "urgent", 40, "pain-progressive")


def _severe_back(chart: Chart, _fluid: Fluid) -> None:
    symptom = _hurts("back-severe", (10, 50), "back", (8, 8, 7), 12)
    chart.plant("severe-back-pain", "complication", (9, 80), PAIN, (symptom,))
    chart.expect("severe-back-pain", "urgent", 10, "severe-back-pain")


def _persisting(chart: Chart, _fluid: Fluid) -> None:
    _stay(chart, 110)
    symptom = _hurts("back-persisting", (8, 108), "back", (5, 5, 5, 5), 24)
    chart.plant("pain-beyond-72h", "complication", (8, 160), PAIN, (symptom,))
    chart.expect("pain-beyond-72h", "routine", 73, "pain-beyond-72h")


def _pressure(chart: Chart, fluid: Fluid) -> None:
    fluid.pressure = chart.rng.randint(270, 400)
    chart.plant("raised-pressure", "disease", (-1, 200), ("csf-pressure",))
    chart.expect("csf-pressure", "routine", 0, "raised-pressure")


def _nsaid(chart: Chart, _fluid: Fluid) -> None:
    laboratory.blood(chart, -2, {"egfr": 22})
    illness.give(chart, "nsaid", "diclofenac", 12)
    chart.plant("nsaid-in-kidney-disease", "complication", (-2, 200), ("nsaid-caution",))
    chart.expect("nsaid-caution", "routine", 12, "nsaid-in-kidney-disease")


def _no_temperatures(chart: Chart, _fluid: Fluid) -> None:
    chart.facts.add("no-temperatures")
    chart.plant("no-temperatures", "complication", (0, 30), ("no-temp-6h",))
    chart.expect("no-temp-6h", "routine", 7.5, "no-temperatures")


def _no_neuro(chart: Chart, _fluid: Fluid) -> None:
    laboratory.blood(chart, -2, {"platelets": 31})
    laboratory.high_risk(chart, "platelets-lt50")
    chart.facts.add("no-neuro")
    kind = "no-neuro-observations"
    chart.plant(kind, "complication", (0, 30), ("no-neuro-obs-4h",))
    chart.expect("no-neuro-obs-4h", "routine", 5.5, kind)
    chart.expect("bleeding-risk-context", "info", -2, kind)


NEWBORN: Final = (10, 80)
KINDS: Final = (
    Kind("spinal-haematoma", "spinal haematoma: back pain, weak legs, retention", NEUROLOGY, _haematoma),
    Kind("subdural-haematoma", "subdural haematoma a week later", MEMORY, _subdural, (55 * YEAR, 80 * YEAR)),
    Kind("iatrogenic-meningitis", "meningitis after a day case", MEMORY, _meningitis, (55 * YEAR, 69 * YEAR)),
    Kind("new-fever", "new fever on day one", NEUROLOGY, _new_fever),
    Kind("infant-fever", "fever of a newborn", CHILDREN, _infant_fever, NEWBORN),
    Kind("lasting-fever", "fever that lasts beyond day one", NEUROLOGY, _lasting_fever),
    Kind("site-infection", "red or draining puncture site", NEUROLOGY, _site),
    Kind("discitis", "back pain and high CRP weeks later", NEUROLOGY, _discitis),
    Kind("csf-cells", "cells in the CSF", ED, _cells),
    Kind("late-culture", "normal cells, culture grows days later", ED, _organism),
    Kind("csf-protein", "protein alone", NEUROLOGY, _chemistry),
    Kind("purpuric-rash", "non-blanching rash", ED, _rash),
    Kind("bacteraemia", "positive blood culture", ED, _bacteraemia),
    Kind("leg-weak", "new leg weakness", NEUROLOGY, _sign("leg-weak", "leg-weakness", "emergent", (6, 60))),
    Kind(
        "retention",
        "urinary retention",
        NEUROLOGY,
        _sign("retention", "bladder-bowel-saddle", "emergent", (6, 60)),
    ),
    Kind(
        "saddle", "saddle numbness", NEUROLOGY, _sign("saddle", "bladder-bowel-saddle", "emergent", (6, 60))
    ),
    Kind("retention-measured", "post-void residual", NEUROLOGY, _residual),
    Kind(
        "radicular",
        "pain that shoots down a leg",
        NEUROLOGY,
        _sign("radicular", "radicular-leg-pain", "urgent", (6, 60)),
    ),
    Kind("radicular-with-anticoagulant", "the same under apixaban", NEUROLOGY, _radicular_at_risk),
    Kind(
        "numb-progressive",
        "spreading numbness",
        NEUROLOGY,
        _sign("numb-progressive", "new-numbness", "emergent", (6, 60)),
    ),
    Kind("seizure", "seizure", NEUROLOGY, _sign("seizure", "focal-neuro-deficit", "emergent", (12, 80))),
    Kind("focal", "focal deficit", NEUROLOGY, _sign("focal", "focal-neuro-deficit", "emergent", (12, 80))),
    Kind(
        "confused",
        "new confusion, in a note",
        NEUROLOGY,
        _sign("confused", "altered-consciousness", "emergent", (12, 80)),
    ),
    Kind("falling-gcs", "falling consciousness, scored", NEUROLOGY, _falling_score),
    Kind("severe-headache", "severe postural headache", NEUROLOGY, _severe_headache),
    Kind("patch-candidate", "postural headache on day three", NEUROLOGY, _patch_candidate),
    Kind("failed-patch", "headache after a blood patch", NEUROLOGY, _patch_fails),
    Kind("long-headache", "headache beyond a week", NEUROLOGY, _long_headache),
    Kind("late-headache", "first headache after five days", NEUROLOGY, _late_headache),
    Kind("not-postural", "headache without postural component", NEUROLOGY, _not_postural),
    Kind("headache-returned", "headache that comes back", NEUROLOGY, _returned),
    Kind("return-visit", "return to the emergency department", MEMORY, _return_visit, (55 * YEAR, 69 * YEAR)),
    Kind("pain-spike", "pain score that jumps", NEUROLOGY, _spike),
    Kind("pain-progressive", "pain that climbs under treatment", NEUROLOGY, _progressive),
    Kind(
        "back-band",
        "worsening band-like pain",
        NEUROLOGY,
        _sign("back-band", "band-like-back-pain", "urgent", (20, 80)),
    ),
    Kind("severe-back-pain", "severe back pain", NEUROLOGY, _severe_back),
    Kind("pain-beyond-72h", "back pain on day four, normal CSF", NEUROLOGY, _persisting),
    Kind("raised-pressure", "raised opening pressure", HIGH_PRESSURE, _pressure),
    Kind("nsaid-in-kidney-disease", "diclofenac with eGFR 22", NEUROLOGY, _nsaid),
    Kind("no-temperatures", "no temperature for hours", NEUROLOGY, _no_temperatures),
    Kind("no-neuro-observations", "platelets 31 and no neurological observation", NEUROLOGY, _no_neuro),
)
"""Every kind in turn; the order decides which patient of the planted cohort has which."""
