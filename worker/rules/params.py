"""Clinical numbers of a rule, ready to compare with. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from worker.model.finding import Truth
from worker.model.time import DAY_MS, HOUR_MS, MINUTE_MS
from worker.rules.interval import Interval, Relation, decide

if TYPE_CHECKING:
    from collections.abc import Mapping

DAYS_A_YEAR = 365.25

DURATIONS_MS: Mapping[str, int] = {"min": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "wk": 7 * DAY_MS}
"""UCUM units of durations, in milliseconds."""

AGES_D: Mapping[str, float] = {"d": 1.0, "wk": 7.0, "a": DAYS_A_YEAR}
"""UCUM units of ages, in days."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that may depend on age.

    Shape: `bands` are (age in days, exclusive; value) from the youngest on; `value` is for everybody older. `words` is the
    number with its unit and name, as traces show it.
    """

    value: float
    bands: tuple[tuple[float, float], ...] = ()
    words: str = ""

    def at_age(self, age_days: int | None) -> float | None:
        """Return the value for an age, None where it depends on an age that is unknown."""
        if not self.bands:
            return self.value
        if age_days is None:
            return None
        return next((value for below, value in self.bands if age_days < below), self.value)

    @property
    def all_values(self) -> tuple[float, ...]:
        """Return the values of all ages."""
        return (*(value for _, value in self.bands), self.value)


Test: TypeAlias = tuple[Relation, Limit]


@dataclass(frozen=True, slots=True)
class Limits:
    """Comparisons that must all hold."""

    tests: tuple[Test, ...]
    words: str

    def decide(self, number: Interval, age_days: int | None) -> Truth:
        """Compare; where the age is unknown, true or false only when every age would agree."""
        answer = Truth.TRUE
        for relation, limit in self.tests:
            truth = _decide_at_age(relation, number, limit, age_days)
            if truth is Truth.FALSE:
                return truth
            if truth is Truth.UNKNOWN:
                answer = truth
        return answer

    def decide_exact(self, number: float, age_days: int | None) -> Truth:
        """Compare an exact number."""
        return self.decide(Interval(number, number), age_days)


def _decide_at_age(relation: Relation, number: Interval, limit: Limit, age_days: int | None) -> Truth:
    value = limit.at_age(age_days)
    if value is not None:
        return decide(relation, number, value)
    answers = {decide(relation, number, other) for other in limit.all_values}
    return answers.pop() if len(answers) == 1 else Truth.UNKNOWN
