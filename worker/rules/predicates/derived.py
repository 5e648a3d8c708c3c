"""Predicates about a value derived from r and another reading of the same time. Pure: no I/O, no clock."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from worker.correlate.index import rank_fact
from worker.model.finding import Trace, Truth
from worker.model.time import DAY_MS
from worker.rules.context import ReadingNode, Wanted
from worker.rules.interval import divide, floor_at, ratio, subtract, write
from worker.rules.predicates.lacking import lacking
from worker.rules.predicates.value import number_of, why_no_number
from worker.rules.words import describe, describe_value, with_unit

if TYPE_CHECKING:
    from worker.model.fact import Fact
    from worker.rules.context import Blank, Context
    from worker.rules.interval import Interval
    from worker.rules.params import Limit, Limits


class Minus(ReadingNode):
    """`minus`: r less a part of another reading of the same specimen, against a limit; below an age r itself.

    The other reading has the same specimen number, or where one of the two has none, the same collection time. Where
    there is none, nothing is taken off.
    """

    __slots__ = ("concept", "each", "from_age", "limits", "other_unit", "unit")

    def __init__(
        self,
        concept: str,
        each: Limit,
        from_age: Limit,
        limits: Limits,
        units: tuple[str, str],
        label: str,
    ) -> None:
        self.concept = concept
        self.each = each
        self.from_age = from_age
        self.limits = limits
        self.unit, self.other_unit = units
        self.label = label

    @property
    def cost(self) -> int:
        return _COST

    def other(self, fact: Fact, context: Context) -> Fact | None:
        """Return the reading of the same tube; of several that may be it, the one that takes off least."""
        at_ms = fact.effective.start_ms
        found = context.view.between((self.concept,), at_ms - _SPECIMEN_MS, at_ms + _SPECIMEN_MS)
        numbered = [other for other in found if _is_number(fact.specimen) and other.specimen == fact.specimen]
        same = numbered or [other for other in found if _is_same_time(fact, other)]
        return min(same, key=self._weight, default=None)

    def _weight(self, other: Fact) -> tuple[float, object]:
        number = number_of(other, self.other_unit)
        return (-inf if number is None else number.low), rank_fact(other)

    def is_corrected(self, context: Context) -> bool | None:
        """Tell whether the age allows the correction, None where it is unknown."""
        age_days = context.age_days
        return None if age_days is None else age_days >= self.from_age.value

    def numbers(self, fact: Fact, context: Context) -> tuple[Interval | None, ...]:
        """Return what the number may be: one, or with and without the correction where the age is unknown."""
        mine = number_of(fact, self.unit)
        other = self.other(fact, context)
        is_corrected = self.is_corrected(context)
        if mine is None or other is None or is_corrected is False:
            return (mine,)
        theirs = number_of(other, self.other_unit)
        less = None if theirs is None else floor_at(subtract(mine, divide(theirs, self.each.value)), 0.0)
        return (less,) if is_corrected else (mine, less)

    def test(self, fact: Fact, context: Context) -> Truth:
        truths = {
            Truth.UNKNOWN if number is None else self.limits.decide(number, context.age_days)
            for number in self.numbers(fact, context)
        }
        return truths.pop() if len(truths) == 1 else Truth.UNKNOWN

    def explain(self, fact: Fact, context: Context) -> Trace:
        other = self.other(fact, context)
        facts = () if other is None else (other,)
        return Trace(self.test(fact, context), self.label, self._reason(fact, other, context), facts)

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        other = self.other(fact, context) if self.is_corrected(context) else None
        return () if other is None else (other,)

    def remarks(self, fact: Fact, context: Context) -> tuple[str, ...]:
        """Say what was taken off, or why nothing was: a reader must not correct again, nor trust what was not corrected."""
        other, is_corrected = self.other(fact, context), self.is_corrected(context)
        if number_of(fact, self.unit) is None or (other is None and is_corrected is False):
            return ()
        if other is None:
            return (f"No {self.concept} of the same tube on file: nothing was taken off {fact.concept}.",)
        theirs = f"{self.concept} {describe_value(other)} of the same tube"
        less = self.numbers(fact, context)[-1]
        if is_corrected is False or less is None:
            return (f"Not corrected for {theirs}{'' if less is None else ' at this age'}.",)
        left = f"{with_unit(write(less), self.unit)} of {describe_value(fact)}"
        doubt = "" if is_corrected else "; the age is unknown, so that this may not apply"
        return (f"{fact.concept}: {left} after correction for {theirs}{doubt}.",)

    def _reason(self, fact: Fact, other: Fact | None, context: Context) -> str:
        numbers = self.numbers(fact, context)
        number = numbers[-1]
        if number is None:
            return why_no_number(fact, self.unit) if other is None else why_no_number(other, self.other_unit)
        if other is None:
            return f"{write(number)}, nothing to take off: no {self.concept} of the same specimen"
        if self.is_corrected(context) is False:
            return f"{write(number)}, not corrected at this age"
        doubt = "" if len(numbers) == 1 else ", age unknown"
        return f"{write(number)} after {describe(other, context)}{doubt}"


class RatioTo(ReadingNode):
    """`ratio_to`: r divided by the nearest reading of another concept, against a limit; false where there is none.

    What a lone value says is for another clause: it is not undecided.
    """

    __slots__ = ("concept", "limits", "other_unit", "unit", "within_ms")

    def __init__(
        self, concept: str, within_ms: int, limits: Limits, units: tuple[str, str], label: str
    ) -> None:
        self.concept = concept
        self.within_ms = within_ms
        self.limits = limits
        self.unit, self.other_unit = units
        self.label = label

    @property
    def cost(self) -> int:
        return _COST

    def other(self, fact: Fact, context: Context) -> Fact | None:
        """Return the nearest reading of the other concept."""
        at_ms = fact.effective.start_ms
        found = context.view.between((self.concept,), at_ms - self.within_ms, at_ms + self.within_ms)
        return min(found, key=lambda o: (abs(o.effective.start_ms - at_ms), rank_fact(o)), default=None)

    def number(self, fact: Fact, context: Context) -> Interval | None:
        """Return the ratio, None where it cannot be computed."""
        other = self.other(fact, context)
        mine, theirs = number_of(fact, self.unit), number_of(other, self.other_unit) if other else None
        return ratio(mine, theirs) if mine is not None and theirs is not None else None

    def test(self, fact: Fact, context: Context) -> Truth:
        if self.other(fact, context) is None:
            return Truth.FALSE
        number = self.number(fact, context)
        return Truth.UNKNOWN if number is None else self.limits.decide(number, context.age_days)

    def lacks(self, fact: Fact, context: Context) -> tuple[Blank, ...]:
        if self.other(fact, context) is not None:
            return ()
        at_ms = fact.effective.start_ms
        span = (at_ms - self.within_ms, at_ms + self.within_ms)
        return tuple(blank for blank in lacking(Wanted((self.concept,)), span, context) if blank.inputs)

    def explain(self, fact: Fact, context: Context) -> Trace:
        other = self.other(fact, context)
        number = self.number(fact, context)
        if other is None:
            return Trace(Truth.FALSE, self.label, f"no {self.concept} near in time")
        reason = "not comparable" if number is None else f"ratio {write(number)}"
        return Trace(
            self.test(fact, context), self.label, f"{reason} to {describe(other, context)}", (other,)
        )

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        other = self.other(fact, context)
        return () if other is None else (other,)


_COST = 5
_SPECIMEN_MS = DAY_MS
"""How far apart two times of one specimen number may be written; the number decides, not this."""


def _is_same_time(fact: Fact, other: Fact) -> bool:
    if _is_number(fact.specimen) and _is_number(other.specimen):
        return False  # two numbers that differ: two tubes, even when they were filled together
    return fact.effective.start_ms == other.effective.start_ms


def _is_number(specimen: str) -> bool:
    """Tell a specimen's number from the name of its class ("csf"), which says nothing of the tube."""
    return any(character.isdigit() for character in specimen)
