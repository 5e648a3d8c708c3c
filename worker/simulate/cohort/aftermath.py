"""What usually follows an LP: headache by needle, back pain, blood patches, telephone calls and returns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from worker.simulate.cohort import notes
from worker.simulate.cohort.chart import Symptom, Visit
from worker.simulate.happenings import Happening
from worker.simulate.hospital.reports import Report, Source

if TYPE_CHECKING:
    from worker.simulate.cohort.chart import Chart

HEADACHE: Final = (
    "severe-positional-headache",
    "ebp-candidate",
    "ebp-failure",
    "pain-spike",
    "pain-progressive",
    "pain-beyond-72h",
    "headache-beyond-7d",
    "headache-late-onset",
    "symptoms-return",
    "return-after-lp",
    "nonpostural-pain",
)
BACK: Final = (
    "pain-spike",
    "pain-progressive",
    "pain-beyond-72h",
    "severe-back-pain",
    "symptoms-return",
    "crp-persistent-pain",
)
ONSET_MEDIAN_H: Final = 24.0
ONSET_SIGMA: Final = 0.857
"""Lognormal with 90 % within 72 h, as the secondary source says; it is cut at 1 and 120 h."""
ONSET_H: Final = (1.0, 120.0)
LASTS_MEDIAN_H: Final = 4.5 * 24
LASTS_SIGMA: Final = 0.6
"""91 % are over in ten days."""
BACK_MEDIAN_H: Final = 48.0
BACK_SIGMA: Final = 0.76
"""95 % are over in seven days."""
OLDER_CHILD_DAYS: Final = 3 * 365
"""Younger children do not say where it hurts."""
MODERATE: Final = 4
PATCH_H: Final = 72.0


def headache(chart: Chart) -> None:
    """Draw a headache after the LP: postural by needle and age, or another one."""
    if chart.age_days < OLDER_CHILD_DAYS or "sedated" in chart.facts:
        return
    rng, rates = chart.rng, chart.rates
    needle = "atraumatic" in chart.facts
    if chart.is_adult:
        postural = rates["pdph-atraumatic-needle" if needle else "pdph-conventional-needle"]
        other = rates["headache-any"] - rates["headache-typical-pdph"]
    else:
        postural = rates["children-positional-headache"]
        other = rates["children-headache"] - postural
    drawn = rng.random()
    if drawn < postural:
        _postural(chart)
    elif drawn < postural + other:
        _other(chart)


def _postural(chart: Chart) -> None:
    rng = chart.rng
    from_h = min(max(ONSET_MEDIAN_H * math.exp(rng.gauss(0, ONSET_SIGMA)), ONSET_H[0]), ONSET_H[1])
    until_h = from_h + LASTS_MEDIAN_H * math.exp(rng.gauss(0, LASTS_SIGMA))
    top = _top(chart)
    words = "headache-mild-postural" if top < MODERATE else "headache-postural"
    words = "headache-severe-postural" if top >= 7 else words  # noqa: PLR2004 - severe on every scale of ten
    is_patched = chart.happens("blood-patch") or (
        top >= MODERATE and chart.rng.random() < _patch_share(chart)
    )
    if is_patched and until_h > PATCH_H:
        until_h = _patch(chart, until_h)
    symptom = Symptom(words, from_h, until_h, "head", _course(chart, from_h, until_h, top))
    chart.plant("pdph", "aftermath", (from_h - 2, until_h + 24), HEADACHE, (symptom,))
    if top < MODERATE:
        chart.traps.add("mild-postural-headache")
    _return(chart, top, from_h, until_h)


def _patch_share(chart: Chart) -> float:
    return chart.rates["blood-patch"] / chart.rates["headache-typical-pdph"]


def _patch(chart: Chart, until_h: float) -> float:
    """Do a blood patch on the third day; most headaches are over then."""
    at_ms = chart.at_ms(PATCH_H)
    done = Happening(chart.next_name("P"), "blood-patch", at_ms, at_ms + 600_000)
    chart.reports.append(Report(Source.WARD, (done,), chart.person.identifiers))
    return PATCH_H + 1 if chart.happens("ebp-complete-relief") else max(until_h, PATCH_H + 72)


def _other(chart: Chart) -> None:
    rng = chart.rng
    from_h = rng.uniform(2, 60)
    until_h = from_h + rng.uniform(6, 72)
    words = "headache-not-postural" if chart.happens("says-not-postural") else "headache-other"
    top = min(_top(chart), 6)
    symptom = Symptom(words, from_h, until_h, "head", _course(chart, from_h, until_h, top))
    chart.plant(f"other-{words}", "aftermath", (from_h - 2, until_h + 24), HEADACHE, (symptom,))


def _top(chart: Chart) -> int:
    if chart.happens("headache-mild"):
        return chart.rng.randint(2, 3)
    share = chart.rates["headache-severe"] / (1 - chart.rates["headache-mild"])
    return chart.rng.randint(7, 9) if chart.rng.random() < share else chart.rng.randint(4, 6)


def _course(chart: Chart, from_h: float, until_h: float, top: int) -> tuple[tuple[float, int], ...]:
    """Give scores every half day: up in a few hours, then up and down, lower towards the end."""
    steps = [(from_h, max(1, top - 2)), (from_h + 3, top)]
    hour = from_h + 12
    while hour < until_h:
        left = (until_h - hour) / (until_h - from_h)
        steps.append((hour, max(1, round(top * (0.4 + 0.6 * left)) + chart.rng.choice((-1, 0, 0, 1)))))
        hour += 12
    return tuple((at_h, min(score, top)) for at_h, score in steps)


def back_pain(chart: Chart) -> None:
    """Draw soreness where the needle went in."""
    if chart.age_days < OLDER_CHILD_DAYS or "sedated" in chart.facts:
        return
    if not chart.happens("back-pain" if chart.is_adult else "children-backache"):
        return
    rng = chart.rng
    from_h = rng.uniform(0.5, 12)
    until_h = from_h + BACK_MEDIAN_H * math.exp(rng.gauss(0, BACK_SIGMA))
    words, top = "back-mild", rng.randint(1, 3)
    if chart.happens("back-pain-severe"):
        words, top = "back-severe", rng.randint(7, 8)
    elif chart.happens("back-pain-moderate"):
        words, top = "back-moderate", rng.randint(4, 6)
    else:
        chart.traps.add("mild-soreness")
    symptom = Symptom(words, from_h, until_h, "back", _course(chart, from_h, until_h, top))
    chart.plant(f"soreness-{words}", "aftermath", (from_h - 2, until_h + 24), BACK, (symptom,))


def _return(chart: Chart, top: int, from_h: float, until_h: float) -> None:
    """Bring an outpatient with a headache back to hospital now and then."""
    hour = from_h + chart.rng.uniform(12, 40)
    if top < MODERATE or hour > until_h or chart.is_inside(hour) or chart.rng.random() > _return_share(chart):
        return
    chart.plant("return-for-headache", "aftermath", (hour - 1, hour + 24), ("return-after-lp", *HEADACHE))
    why = ("PRESENTING COMPLAINT: headache on standing since the lumbar puncture.",)
    chart.visits.append(Visit("emergency", hour, hour + 10, 4.0, 6.0, "headache after lumbar puncture", why))


def _return_share(chart: Chart) -> float:
    return chart.rates["hospitalised"] / chart.rates["headache-typical-pdph"]


def afterwards(chart: Chart) -> None:
    """Call some outpatients at home; some patients come back for something else."""
    if not chart.stays_on and chart.happens("told-by-phone"):
        notes.call(chart, chart.rng.uniform(24, 52))
    hour = chart.stay.until_h + chart.rng.uniform(24, 300)
    if not chart.is_inside(hour) and chart.happens("unrelated-return"):
        reason = chart.rng.choice(("wrist fracture", "chest pain", "planned infusion", "fall at home"))
        why = (f"PRESENTING COMPLAINT: {reason}.",)
        chart.visits.append(Visit("emergency", hour, hour + 8, 4.0, 24.0, reason, why))
        chart.traps.add("unrelated-return")
