"""What must stay silent: signs that only look like a complication, and the rules that must not take them for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.simulate.cohort.chart import ALWAYS, Symptom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.simulate.cohort.chart import Chart

_SAID: Final = (
    "altered-consciousness",
    "focal-neuro-deficit",
    "leg-weakness",
    "new-numbness",
    "radicular-leg-pain",
    "bladder-bowel-saddle",
    "fever-with-neck-stiffness",
    "puncture-site-infection",
    "purpuric-rash",
    "severe-back-pain",
    "severe-positional-headache",
    "nonpostural-pain",
)
TRAPS: Final[Mapping[str, tuple[str, ...]]] = {
    "reason-for-lp": _SAID,
    "discharge-advice": _SAID,
    "family-history": _SAID,
    "late-lp": (),
    "febrile-before-lp": ("fever-single",),
    "confused-before-lp": ("altered-consciousness",),
    "neck-stiff-before-lp": ("fever-with-neck-stiffness",),
    "headache-before-lp": ("nonpostural-pain", "headache-late-onset", "headache-beyond-7d"),
    "mild-postural-headache": ("severe-positional-headache", "ebp-candidate"),
    "mild-soreness": ("severe-back-pain", "pain-beyond-72h"),
    "chronic-old-weak": ("leg-weakness", "focal-neuro-deficit"),
    "chronic-old-numb": ("new-numbness",),
    "chronic-old-incontinent": ("bladder-bowel-saddle",),
    "shock-during-needle": ("radicular-leg-pain",),
    "numb-local": ("new-numbness", "bladder-bowel-saddle"),
    "site-bruise": ("puncture-site-infection",),
    "rash-other": ("purpuric-rash",),
    "blood-culture-contaminant": ("blood-culture-positive",),
    "csf-contaminant": ("csf-organism",),
    "platelets-above-50": ("bleeding-risk-context",),
    "unrelated-return": ("return-after-lp",),
}
"""By the name that the truth gives a trap; a trap without rules is told for its own sake."""


def harmless(chart: Chart) -> None:
    """Draw signs of the needle and rashes that mean nothing."""
    if chart.happens("shock-during-needle"):
        chart.symptoms.append(Symptom("radicular-during", 0, 0.5, is_new=False))
        chart.traps.add("shock-during-needle")
    hours = {"numb-local": (0.3, 2.0), "site-bruise": (8.0, 70.0), "rash-other": (-20.0, 50.0)}
    for words, (from_h, until_h) in hours.items():
        if chart.happens(words):
            chart.symptoms.append(Symptom(words, from_h, until_h))
            chart.traps.add(words)
    if chart.stays_on and chart.place.every_h >= SIX_HOURLY:
        rules = ("no-temp-6h", "no-neuro-obs-4h")
        chart.plant("observed-every-6h", "background", (-96, ALWAYS), rules)


SIX_HOURLY: Final = 6.0
