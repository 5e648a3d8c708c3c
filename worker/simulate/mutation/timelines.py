"""Random timelines of what some rules look at, near their numbers. Pure: the same seed gives the same again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final, TypeAlias

from worker.model.fact import AssertionStatus
from worker.rules.library import FINDING, Term
from worker.rules.params import DAYS_A_YEAR
from worker.simulate.coding import CODINGS, Kind

Timeline: TypeAlias = dict[str, object]
"""A vignette as its file writes it, without anything that it expects."""

_DRUGS: Final = MappingProxyType(
    {
        "anticoagulant": "warfarin",
        "antimicrobial": "ceftriaxone",
        "antiplatelet": "aspirin",
        "nsaid": "diclofenac",
        "sedation": "midazolam",
    }
)
_DOSES: Final = ((), ("flush",), ("prophylactic",), ("therapeutic",), ("topical",))
_VISITS: Final = ("emergency", "inpatient", "outpatient")
_REASONS: Final = ("", "Headache", "Fever", "Leg weakness", "Fall")
_STATUSES: Final = (*["present"] * 4, *(str(status.value) for status in AssertionStatus))
_QUALIFIERS: Final = (
    "baseline",
    "bilateral",
    "chronic",
    "during-procedure",
    "mild",
    "nonpostural",
    "progressive",
    "severe",
    "worsening",
    "worsening-despite-treatment",
)
_APART_H: Final = (10, 48, 60, 71, 72, 100)
_BESIDE_H: Final = (-0.9, -0.1, 0, 0, 0, 0.1, 0.5, 0.9)
_LATE_H: Final = (1, 20, 100)
_LONG_H: Final = (0, 1, 100, 2500)
_AGES_D: Final = (20, 40, 58, 75, 100)
_ADULTS_Y: Final = (17, 45, 49, 50, 70)


@dataclass(frozen=True, slots=True)
class Ground:
    """What timelines are made of.

    Shape: `terms` are the concepts that some rules read; `hours` and, by unit, `numbers` those that the rules use. No fact is
    from before the patient's birth, so `hours` of a hundred years ago are not tried.
    """

    terms: Mapping[str, Term]
    hours: Sequence[float]
    numbers: Mapping[str, Sequence[float]]


def timelines(ground: Ground, seed: int) -> Iterator[Timeline]:
    """Give timelines without end: few concepts each, at or near the rules' times after an LP, values near their numbers."""
    random = Random(seed)  # noqa: S311 - a seed must give the same again
    names = sorted(name for name in ground.terms if _can_write(name, ground.terms[name]))
    number = 0
    while names:
        number += 1
        lps = [0.0]
        while random.random() < 0.35:  # noqa: PLR2004 - most patients have one LP
            lps.append(lps[-1] + random.choice(_APART_H))
        chosen = random.sample(names, min(len(names), random.randint(1, 4)))
        patient, age_d = _patient(random)
        hours = [hour for hour in ground.hours if hour > -24 * age_d]
        facts: list[dict[str, object]] = [{"c": "lumbar-puncture", "t": at_h} for at_h in lps]
        for _ in range(random.randint(2, 6)):
            name = random.choice(chosen)
            at_h = round(random.choice(lps) + random.choice(hours) + random.choice(_BESIDE_H), 2)
            facts.append(_fact(name, at_h, ground, random))
        last_h = max(float(str(fact.get("recv", fact["t"]))) for fact in facts)
        yield {
            "id": f"DOUBT{number}",
            "title": "a random timeline",
            "patient": patient,
            "facts": facts,
            "alerts": [],
            "finds": [],
            "until": max(0.0, last_h) + random.choice(_LONG_H),
        }


def _can_write(name: str, term: Term) -> bool:
    coding = CODINGS.get(name)
    if coding is None:
        return term.kind == FINDING
    return coding.kind not in {Kind.PUNCTURE, Kind.NOTE, Kind.TEXT}


def _patient(random: Random) -> tuple[dict[str, object], float]:
    """Give a patient, and how many days old he is."""
    is_child = random.random() < 0.1  # noqa: PLR2004 - as above
    age = random.choice(_AGES_D if is_child else _ADULTS_Y)
    patient: dict[str, object] = {"age_d" if is_child else "age_y": age}
    if random.random() < 0.4:  # noqa: PLR2004 - as above
        patient["encounter"] = random.choice(_VISITS)
    return patient, age if is_child else age * DAYS_A_YEAR


def _fact(name: str, at_h: float, ground: Ground, random: Random) -> dict[str, object]:
    fact: dict[str, object] = {"c": name, "t": at_h}
    if random.random() < 0.2:  # noqa: PLR2004 - most arrive at once
        fact["recv"] = round(max(0.0, at_h) + random.choice(_LATE_H), 2)
    coding = CODINGS.get(name)
    kind = None if coding is None else coding.kind
    if kind is None:
        said = {"f": name, "s": random.choice(_STATUSES), "q": _qualifiers(random)}
        return {**fact, "c": "note", "text": f"Note {random.random()}.", "extract": [said]}
    if kind is Kind.QUANTITY:
        numbers = ground.numbers.get(ground.terms[name].unit) or (ground.terms[name].plausible or (1.0,))
        fact["v"] = max(0, random.choice(numbers))
    elif kind is Kind.ANSWER:
        fact["v"] = random.choice(sorted(ground.terms[name].values) or ["positive"])
    elif kind is Kind.DRUG:
        fact |= {"v": _DRUGS[name], "q": random.choice(_DOSES)}
    elif kind is Kind.ENCOUNTER:
        fact |= {"v": random.choice(_VISITS), "text": random.choice(_REASONS)}
    return fact


def _qualifiers(random: Random) -> list[str]:
    return random.sample(_QUALIFIERS, random.choice((0, 0, 0, 1, 1, 2)))
