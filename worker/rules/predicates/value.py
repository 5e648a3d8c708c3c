"""Predicates about the value of r itself. Pure: no I/O, no clock."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from worker.correlate.baseline import qualifiers_of
from worker.model.fact import Assertion, Coded, EncounterValue, Quantity
from worker.model.finding import Trace, Truth
from worker.rules.context import ReadingNode
from worker.rules.interval import Interval, Relation, interval_of
from worker.rules.words import describe_value

if TYPE_CHECKING:
    from worker.model.fact import Fact
    from worker.rules.context import Context
    from worker.rules.params import Limits

_TRUTH = (Truth.FALSE, Truth.TRUE)
_NO_CLASS = "unknown"
_OPERATORS = {
    Relation.ABOVE: operator.gt,
    Relation.AT_LEAST: operator.ge,
    Relation.BELOW: operator.lt,
    Relation.AT_MOST: operator.le,
}


def number_of(fact: Fact, unit: str) -> Interval | None:
    """Return the number of a fact, None where it has none in that unit."""
    value = fact.value
    if type(value) is not Quantity or value.unit != unit:
        return None
    return interval_of(value) if value.comparator else Interval(value.value, value.value)


def why_no_number(fact: Fact, unit: str) -> str:
    """Say why a fact has no number to compare."""
    value = fact.value
    if isinstance(value, Quantity):
        return f"unit missing, {unit} needed" if not value.unit else f"unit {value.unit}, {unit} needed"
    return "not a number"


class Compare(ReadingNode):
    """`above`, `at_least`, `below`, `at_most`: r against a limit, after conversion and rounding."""

    __slots__ = ("_limit", "_operator", "limits", "unit")

    def __init__(self, limits: Limits, unit: str) -> None:
        self.limits = limits
        self.unit = unit
        self.label = limits.words
        # One limit for all ages and an exact number is nearly every case, so it has a short way.
        relation, limit = limits.tests[0]
        self._operator = None if len(limits.tests) > 1 or limit.bands else _OPERATORS[relation]
        self._limit = limit.value

    @property
    def is_fixed(self) -> bool:
        return True

    def test(self, fact: Fact, context: Context) -> Truth:
        value = fact.value
        if self._operator and type(value) is Quantity and not value.comparator and value.unit == self.unit:
            return Truth.TRUE if self._operator(value.value, self._limit) else Truth.FALSE
        number = number_of(fact, self.unit)
        return Truth.UNKNOWN if number is None else self.limits.decide(number, context.age_days)

    def explain(self, fact: Fact, context: Context) -> Trace:
        truth = self.test(fact, context)
        number = number_of(fact, self.unit)
        if number is None:
            return Trace(truth, self.label, why_no_number(fact, self.unit))
        reason = describe_value(fact)
        if truth is Truth.UNKNOWN:
            reason += ": the comparator does not settle it" if not number.is_exact else ": age unknown"
        return Trace(truth, self.label, reason)


class OfConcept(ReadingNode):
    """`concept`: r is of one of these concepts."""

    __slots__ = ("concepts",)

    def __init__(self, concepts: frozenset[str]) -> None:
        self.concepts = concepts
        self.label = f"is {' or '.join(sorted(concepts))}"

    @property
    def is_fixed(self) -> bool:
        return True

    def test(self, fact: Fact, context: Context) -> Truth:
        return _TRUTH[fact.concept in self.concepts]

    def explain(self, fact: Fact, context: Context) -> Trace:
        return Trace(self.test(fact, context), self.label, fact.concept)


class Answer(ReadingNode):
    """`answer`: r is one of these coded values, or a visit of one of these classes."""

    __slots__ = ("codes",)

    def __init__(self, codes: frozenset[str]) -> None:
        self.codes = codes
        self.label = f"answer {' or '.join(sorted(codes))}"

    @property
    def is_fixed(self) -> bool:
        return True

    def test(self, fact: Fact, context: Context) -> Truth:
        match fact.value:
            case Coded(code=code):
                return _TRUTH[code in self.codes]
            case EncounterValue(encounter_class=name) if name != _NO_CLASS:
                return _TRUTH[name in self.codes]
            case _:
                return Truth.UNKNOWN

    def explain(self, fact: Fact, context: Context) -> Trace:
        truth = self.test(fact, context)
        return Trace(
            truth, self.label, "not a coded value" if truth is Truth.UNKNOWN else describe_value(fact)
        )


class Asserted(ReadingNode):
    """`asserted`: r states a finding with one of these statuses."""

    __slots__ = ("statuses",)

    def __init__(self, statuses: frozenset[str]) -> None:
        self.statuses = statuses
        self.label = f"stated as {' or '.join(sorted(statuses))}"

    @property
    def is_fixed(self) -> bool:
        return True

    def test(self, fact: Fact, context: Context) -> Truth:
        return _TRUTH[isinstance(fact.value, Assertion) and fact.value.status in self.statuses]

    def explain(self, fact: Fact, context: Context) -> Trace:
        return Trace(self.test(fact, context), self.label, describe_value(fact))


class Qualified(ReadingNode):
    """`with` and `without`: r has one of these qualifiers, or none of them."""

    __slots__ = ("is_with", "qualifiers")

    def __init__(self, qualifiers: frozenset[str], *, is_with: bool) -> None:
        self.qualifiers = qualifiers
        self.is_with = is_with
        self.label = f"{'with' if is_with else 'without'} {' or '.join(sorted(qualifiers))}"

    @property
    def is_fixed(self) -> bool:
        return True

    def test(self, fact: Fact, context: Context) -> Truth:
        return _TRUTH[qualifiers_of(context.view, fact).isdisjoint(self.qualifiers) != self.is_with]

    def explain(self, fact: Fact, context: Context) -> Trace:
        own = ", ".join(sorted(qualifiers_of(context.view, fact))) or "no qualifier"
        return Trace(self.test(fact, context), self.label, own)


class SinceStart(ReadingNode):
    """`since_lp` and `since_series`: how long after the LP, or the first of its series, r was true."""

    __slots__ = ("first_ms", "is_series", "last_ms")

    def __init__(self, span_ms: tuple[int, int], words: str, *, is_series: bool) -> None:
        self.first_ms, self.last_ms = span_ms
        self.is_series = is_series
        self.label = f"{words} after the {'first LP of the series' if is_series else 'LP'}"

    @property
    def is_fixed(self) -> bool:
        return True

    def test(self, fact: Fact, context: Context) -> Truth:
        start_ms = context.series_ms if self.is_series else context.anchor_ms
        return _TRUTH[self.first_ms <= fact.effective.start_ms - start_ms <= self.last_ms]

    def explain(self, fact: Fact, context: Context) -> Trace:
        return Trace(self.test(fact, context), self.label, f"at {context.hours(fact.effective.start_ms)}")
