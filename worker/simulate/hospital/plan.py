"""Decide who comes, why, and what will go wrong: the plan of one patient, before anything is charted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.model.time import DAY_MS, HOUR_MS, MINUTE_MS
from worker.simulate.hospital import people
from worker.simulate.hospital.truth import Expected

if TYPE_CHECKING:
    from random import Random

    from worker.model.time import EpochMs
    from worker.simulate.happenings import Person
    from worker.simulate.hospital.quirks import Quirks
    from worker.simulate.hospital.rates import Rates

INFANT_DAYS = 90
OLDER_DAYS = 70 * 365


@dataclass(slots=True)
class Plan:
    """One patient's plan; the parts of the course add to `expected`, `traps` and `quirks` as they plant them.

    Shape: `puncture_ms` is None for a patient without an LP; `is_cancelled` means that it was ordered and not done.
    """

    index: int
    rng: Random
    rates: Rates
    habits: Quirks
    person: Person
    age_days: int
    admitted_ms: EpochMs
    discharged_ms: EpochMs
    puncture_ms: EpochMs | None
    is_cancelled: bool
    is_inpatient: bool
    is_infected: bool
    is_febrile_before: bool
    has_dementia: bool
    indication: str
    serum_glucose: int = 98
    expected: list[Expected] = field(default_factory=list)
    traps: list[str] = field(default_factory=list)
    quirks: set[str] = field(default_factory=set)

    @property
    def is_infant(self) -> bool:
        """Tell whether the lower fever limit holds."""
        return self.age_days < INFANT_DAYS

    @property
    def is_watched(self) -> bool:
        """Tell whether an LP was done, so that rules apply."""
        return self.puncture_ms is not None and not self.is_cancelled

    @property
    def name(self) -> str:
        """Return the prefix of every order and document number of this patient."""
        return f"N{self.index:07d}"

    def happens(self, rate: str) -> bool:
        """Draw whether something of a rate happens."""
        return self.rng.random() < self.rates[rate]

    def has_quirk(self, quirk: str) -> bool:
        """Draw whether a quirk shows, and remember that it did."""
        shows = self.rng.random() < self.habits[quirk]
        if shows:
            self.quirks.add(quirk)
        return shows

    def plant(self, expected: Expected) -> None:
        """Add an alert that must come, if the patient is watched."""
        if self.is_watched:
            self.expected.append(expected)

    def trap(self, name: str) -> None:
        """Add something that must stay silent."""
        self.traps.append(name)

    def hours_after(self, at_ms: EpochMs) -> float:
        """Return hours after the LP, or after admission where there is none."""
        start = self.admitted_ms if self.puncture_ms is None else self.puncture_ms
        return (at_ms - start) / HOUR_MS


def make_plan(index: int, rng: Random, admitted_ms: EpochMs, rates: Rates, habits: Quirks) -> Plan:
    """Decide the frame of one patient's course; complications are planted where they are charted."""

    def draw(rate: str) -> bool:
        return rng.random() < rates[rate]

    is_suspected = draw("lp-for-suspected-cns-infection-in-ed")
    has_lp = draw("has-lp")
    # Of those with an LP this share has an infection; only the suspected ones can.
    infected_share = rates["cns-infection-among-lps"] / max(
        rates["lp-for-suspected-cns-infection-in-ed"], 0.01
    )
    is_infected = has_lp and is_suspected and rng.random() < min(infected_share, 1.0)
    age_days = _age_days(rng, rates) if is_suspected else rng.randint(25, 80) * 365
    is_inpatient = is_suspected or not has_lp
    puncture_ms = None
    if has_lp:
        wait = rng.uniform(2.0, 8.0) if is_inpatient else 1.0
        puncture_ms = _whole_minute(admitted_ms + round(wait * HOUR_MS))
    end_ms = admitted_ms if puncture_ms is None else puncture_ms
    stay_h = rng.uniform(60.0, 110.0) if is_inpatient else 4.0
    return Plan(
        index=index,
        rng=rng,
        rates=rates,
        habits=habits,
        person=people.person(rng, index, age_days, admitted_ms),
        age_days=age_days,
        admitted_ms=admitted_ms,
        discharged_ms=_whole_minute(end_ms + round(stay_h * HOUR_MS)),
        puncture_ms=puncture_ms,
        is_cancelled=has_lp and not is_infected and draw("lp-cancelled"),
        is_inpatient=is_inpatient,
        is_infected=is_infected,
        is_febrile_before=is_suspected and draw("febrile-before-lp"),
        has_dementia=age_days >= OLDER_DAYS and draw("dementia"),
        indication=_indication(rng, is_suspected=is_suspected) if has_lp else "",
        serum_glucose=rng.randint(82, 126),
    )


def _age_days(rng: Random, rates: Rates) -> int:
    if rng.random() < rates["infant"]:
        return rng.randint(10, 80)
    if rng.random() < rates["older"]:
        return rng.randint(70, 92) * 365
    return rng.randint(18, 69) * 365


def _indication(rng: Random, *, is_suspected: bool) -> str:
    if is_suspected:
        return "suspected infection of the central nervous system"
    return rng.choice(("cognitive decline", "demyelination", "headache of unknown cause", "gait disorder"))


def _whole_minute(at_ms: EpochMs) -> EpochMs:
    return at_ms - at_ms % MINUTE_MS


def day_after(at_ms: EpochMs, days: int = 1) -> EpochMs:
    """Return the same time of day, days later."""
    return at_ms + days * DAY_MS
