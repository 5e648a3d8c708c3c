"""What is true of one patient of the cohort hour by hour, and what was planted; the charts and notes are written from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.hospital.truth import Category, Cause, Expected

if TYPE_CHECKING:
    from random import Random

    from worker.model.time import EpochMs
    from worker.simulate.cohort.places import Place
    from worker.simulate.happenings import Person
    from worker.simulate.hospital.quirks import Quirks
    from worker.simulate.hospital.rates import Rates
    from worker.simulate.hospital.reports import Report

INFANT_DAYS: Final = 90
CHILD_DAYS: Final = 17 * 365
OLDER_DAYS: Final = 70 * 365
ALWAYS: Final = 100_000.0
"""Hours that no stay reaches."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay or visit; hours after the first LP. `reason` is what the arrival message says, `why` the note."""

    encounter_class: str
    from_h: float
    until_h: float
    every_h: float
    notes_every_h: float
    reason: str = ""
    why: tuple[str, ...] = ()
    is_closed: bool = True


@dataclass(frozen=True, slots=True)
class Fever:
    """A spell of fever with its height in Cel."""

    from_h: float
    until_h: float
    peak: float


@dataclass(frozen=True, slots=True)
class Mind:
    """A spell of altered consciousness as scores say it; `gcs` 0 where nobody scores it."""

    from_h: float
    until_h: float
    acvpu: str
    gcs: int = 0


@dataclass(slots=True)
class Symptom:
    """A complaint or sign for a while, told in notes by sentences of its `words`, and scored where it hurts.

    Shape: `scores` are (hour, score) steps at `site` (back, head, neck, or empty for the score without a place). A note that
    told of it is remembered in `said`; `is_new` symptoms are told at once, old ones in the daily notes.
    """

    words: str
    from_h: float
    until_h: float
    site: str = ""
    scores: tuple[tuple[float, int], ...] = ()
    is_new: bool = True
    said: list[str] = field(default_factory=list)

    def score_at(self, hour: float) -> int | None:
        """Return the score at an hour, None where there is none or it is over."""
        if not self.from_h <= hour < self.until_h:
            return None
        return next((score for at_h, score in reversed(self.scores) if at_h <= hour), None)


@dataclass(slots=True)
class Planted:
    """A cause that is being planted: its symptoms become what was said of it."""

    kind: str
    category: Category
    from_h: float
    until_h: float
    rules: tuple[str, ...]
    symptoms: list[Symptom] = field(default_factory=list)


@dataclass(slots=True)
class Chart:
    """One patient of the cohort. The parts of the course add states, causes, expectations and reports.

    Shape: hours count from the first LP; `punctures_h` are those of all LPs.
    """

    index: int
    rng: Random
    rates: Rates
    habits: Quirks
    person: Person
    place: Place
    age_days: int
    indication: str
    lp_ms: EpochMs
    visits: list[Visit]
    punctures_h: list[float]
    fevers: list[Fever] = field(default_factory=list)
    minds: list[Mind] = field(default_factory=list)
    symptoms: list[Symptom] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    traps: set[str] = field(default_factory=set)
    facts: set[str] = field(default_factory=set)
    history: list[str] = field(default_factory=list)
    usual_mind: tuple[str, int] = ("A", 15)
    number: int = 0

    @property
    def name(self) -> str:
        """Return the prefix of every order and document number of this patient."""
        return f"C{self.index:06d}"

    @property
    def is_infant(self) -> bool:
        """Tell whether the lower fever limit holds."""
        return self.age_days < INFANT_DAYS

    @property
    def is_adult(self) -> bool:
        """Tell whether rates of adults apply."""
        return self.age_days >= CHILD_DAYS

    @property
    def stay(self) -> Visit:
        """Return the stay of the LP."""
        return self.visits[0]

    @property
    def stays_on(self) -> bool:
        """Tell whether the patient stays in hospital after the LP."""
        return self.stay.encounter_class != "outpatient"

    def next_name(self, letter: str) -> str:
        """Give a new order or document number."""
        self.number += 1
        return f"{self.name}-{letter}{self.number}"

    def at_ms(self, hour: float) -> EpochMs:
        """Return the whole minute of an hour after the LP."""
        at_ms = self.lp_ms + round(hour * HOUR_MS)
        return at_ms - at_ms % MINUTE_MS

    def happens(self, rate: str) -> bool:
        """Draw whether something of a rate happens."""
        return self.rng.random() < self.rates[rate]

    def is_inside(self, hour: float) -> bool:
        """Tell whether the patient is in hospital at an hour."""
        return any(visit.from_h <= hour <= visit.until_h for visit in self.visits)

    def plant(
        self,
        kind: str,
        category: Category,
        hours: tuple[float, float],
        rules: tuple[str, ...],
        symptoms: tuple[Symptom, ...] = (),
    ) -> None:
        """Add a cause with the rules that may alert because of it, and its symptoms."""
        self.symptoms += symptoms
        self.planted.append(Planted(kind, category, *hours, rules, list(symptoms)))

    def expect(self, rule: str, severity: str, hour: float, kind: str) -> None:
        """Add an alert that must come, at least as severe as said."""
        self.expected.append(Expected(rule, severity, self.at_ms(hour), kind))

    def causes(self) -> tuple[Cause, ...]:
        """Return what was planted, with what was said of it."""
        return tuple(
            Cause(
                one.kind,
                one.category,
                self.at_ms(one.from_h),
                self.at_ms(min(one.until_h, ALWAYS)),
                one.rules,
                tuple(dict.fromkeys(said for symptom in one.symptoms for said in symptom.said)),
            )
            for one in self.planted
        )
