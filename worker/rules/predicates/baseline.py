"""Predicates that compare r with the patient before the LP. Pure: no I/O, no clock.

What counts as baseline, and how old it may be, is decided in `worker.correlate.baseline` for every rule alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.correlate.baseline import (
    baseline_facts,
    baseline_highest,
    baseline_last,
    compare,
    present_at_baseline,
    qualifiers_of,
)
from worker.model.fact import Coded
from worker.model.finding import Trace, Truth
from worker.model.time import HOUR_MS
from worker.rules.context import EpisodeNode, Outcome, ReadingNode
from worker.rules.interval import Interval, subtract, write
from worker.rules.predicates.logic import any_of
from worker.rules.predicates.value import number_of
from worker.rules.words import describe, describe_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.correlate.baseline import Comparison
    from worker.model.fact import Fact
    from worker.rules.context import Context
    from worker.rules.params import Limit, Limits

_COST = 5
_TRUTH = (Truth.FALSE, Truth.TRUE)


def last_or_first(concept: str, first_within_ms: int | None, context: Context) -> Fact | None:
    """Return the last value before the LP, else the first so soon after it, else None."""
    key = ("last", concept, first_within_ms)
    if key not in context.bases:
        base = baseline_last(context.view, concept)
        if base is None and first_within_ms is not None:
            soon = context.view.between((concept,), context.anchor_ms, context.anchor_ms + first_within_ms)
            base = soon[0] if soon else None
        context.bases[key] = base
    return context.bases[key]


def highest(concept: str, context: Context) -> Fact | None:
    """Return the highest value before the LP, None where there is none."""
    key = ("highest", concept, None)
    if key not in context.bases:
        context.bases[key] = baseline_highest(context.view, concept)
    return context.bases[key]


class New(ReadingNode):
    """`new`: the finding that r states was not there before the LP, came back, or is stated to worsen."""

    __slots__ = ("kinds", "span_ms")

    def __init__(self, kinds: Mapping[str, tuple[str, ...]], span_ms: int | None = None) -> None:
        self.kinds = kinds
        self.span_ms = span_ms
        since = "" if span_ms is None else f" of the last {span_ms / HOUR_MS:g} h"
        self.label = f"new against the baseline{since}"

    @property
    def cost(self) -> int:
        return _COST

    def test(self, fact: Fact, context: Context) -> Truth:
        return _TRUTH[self._compare(fact, context).newness.is_new]

    def explain(self, fact: Fact, context: Context) -> Trace:
        comparison = self._compare(fact, context)
        basis = comparison.basis
        reason = comparison.newness.value
        if basis is not None and basis is not fact:
            reason += f": {describe(basis, context)}"
        return Trace(_TRUTH[comparison.newness.is_new], self.label, reason)

    def _compare(self, fact: Fact, context: Context) -> Comparison:
        return compare(context.view, fact, self.kinds.get(fact.concept, ()), self.span_ms)


class HasBaseline(ReadingNode):
    """`has_baseline`: there is a value of r's concept from before the LP, or from soon after it."""

    __slots__ = ("first_within_ms",)

    def __init__(self, first_within_ms: int | None) -> None:
        self.first_within_ms = first_within_ms
        self.label = "a baseline is recorded"

    @property
    def cost(self) -> int:
        return _COST

    def test(self, fact: Fact, context: Context) -> Truth:
        return _TRUTH[last_or_first(fact.concept, self.first_within_ms, context) is not None]

    def explain(self, fact: Fact, context: Context) -> Trace:
        base = last_or_first(fact.concept, self.first_within_ms, context)
        reason = "none recorded" if base is None else describe(base, context)
        return Trace(self.test(fact, context), self.label, reason)


class BaselineFinding(EpisodeNode):
    """`baseline_finding`: a finding was there before the LP, whenever that was written down."""

    __slots__ = ("concepts", "qualifiers")

    def __init__(self, concepts: tuple[str, ...], qualifiers: frozenset[str]) -> None:
        self.concepts = concepts
        self.qualifiers = qualifiers
        wanted = f" {' or '.join(sorted(qualifiers))}" if qualifiers else ""
        self.label = f"{' or '.join(concepts)}{wanted} before the LP"

    def evaluate(self, context: Context) -> Outcome:
        return Outcome(_TRUTH[bool(self._stated(context))])

    def explain(self, context: Context) -> Trace:
        stated = self._stated(context)
        reason = describe(stated[-1], context) if stated else "not stated"
        return Trace(self.ask(context).truth, self.label, reason, stated)

    def _stated(self, context: Context) -> tuple[Fact, ...]:
        stated = present_at_baseline(context.view, self.concepts)
        if not self.qualifiers:
            return stated
        return tuple(
            fact for fact in stated if not qualifiers_of(context.view, fact).isdisjoint(self.qualifiers)
        )


class BaselineHas(ReadingNode):
    """`baseline_has`: some baseline value of r's concept for which the clause holds; false where there is none."""

    __slots__ = ("where",)

    def __init__(self, where: ReadingNode) -> None:
        self.where = where
        self.label = f"before the LP: {where.label}"

    @property
    def cost(self) -> int:
        return _COST

    def test(self, fact: Fact, context: Context) -> Truth:
        facts = baseline_facts(context.view, fact.concept)
        return any_of(self.where.test(other, context) for other in facts)

    def explain(self, fact: Fact, context: Context) -> Trace:
        facts = baseline_facts(context.view, fact.concept)
        reason = ", ".join(describe(other, context) for other in facts) or "no baseline value"
        holding = tuple(other for other in facts if self.where.test(other, context) is Truth.TRUE)
        return Trace(self.test(fact, context), self.label, reason, holding)


class RiseFromBaseline(ReadingNode):
    """`rise_from_baseline`: r exceeds the highest or last baseline value by enough; unknown without one."""

    __slots__ = ("by", "is_highest", "unit")

    def __init__(self, by: Limits, unit: str, *, is_highest: bool, label: str) -> None:
        self.by = by
        self.unit = unit
        self.is_highest = is_highest
        self.label = label

    def base(self, fact: Fact, context: Context) -> Fact | None:
        """Return the baseline value that r is compared with."""
        return (
            highest(fact.concept, context) if self.is_highest else last_or_first(fact.concept, None, context)
        )

    @property
    def cost(self) -> int:
        return _COST

    @property
    def is_fixed(self) -> bool:
        return True

    def test(self, fact: Fact, context: Context) -> Truth:
        base = self.base(fact, context)
        mine, theirs = number_of(fact, self.unit), number_of(base, self.unit) if base else None
        if mine is None or theirs is None:
            return Truth.UNKNOWN
        return self.by.decide(subtract(mine, theirs), context.age_days)

    def explain(self, fact: Fact, context: Context) -> Trace:
        base = self.base(fact, context)
        if base is None:
            return Trace(Truth.UNKNOWN, self.label, "no baseline value")
        return Trace(self.test(fact, context), self.label, f"baseline {describe(base, context)}", (base,))

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        base = self.base(fact, context)
        return () if base is None else (base,)


class DropFromBaseline(ReadingNode):
    """`drop_from_baseline`: r is below the last baseline value, or what stands in for it, by enough."""

    __slots__ = ("assumed", "by", "first_within_ms", "unit")

    def __init__(self, by: Limits, first_within_ms: int, assumed: Limit, unit: str, label: str) -> None:
        self.by = by
        self.first_within_ms = first_within_ms
        self.assumed = assumed
        self.unit = unit
        self.label = label

    def base(self, fact: Fact, context: Context) -> Fact | None:
        """Return the last value before the LP, else the first soon after it (which may be r), else None."""
        return last_or_first(fact.concept, self.first_within_ms, context)

    def difference(self, fact: Fact, context: Context) -> Interval | None:
        """Return how far r is below it, None where either is no number."""
        base = self.base(fact, context)
        mine = number_of(fact, self.unit)
        theirs = number_of(base, self.unit) if base else Interval(self.assumed.value, self.assumed.value)
        return subtract(theirs, mine) if mine is not None and theirs is not None else None

    @property
    def cost(self) -> int:
        return _COST

    @property
    def is_fixed(self) -> bool:
        return True

    def test(self, fact: Fact, context: Context) -> Truth:
        difference = self.difference(fact, context)
        return Truth.UNKNOWN if difference is None else self.by.decide(difference, context.age_days)

    def explain(self, fact: Fact, context: Context) -> Trace:
        base = self.base(fact, context)
        difference = self.difference(fact, context)
        known = (
            f"assumed {self.assumed.value:g}, no baseline"
            if base is None
            else f"baseline {describe(base, context)}"
        )
        drop = "not comparable" if difference is None else f"drop {write(difference)}"
        return Trace(
            self.test(fact, context), self.label, f"{drop}; {known}", () if base is None else (base,)
        )

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        base = self.base(fact, context)
        return () if base is None else (base,)


class WorseThanBaseline(ReadingNode):
    """`worse_than_baseline`: r stands further down the list than the last baseline answer, or the assumed one."""

    __slots__ = ("assumed", "places")

    def __init__(self, order: tuple[str, ...], assumed: str) -> None:
        self.places = {answer: place for place, answer in enumerate(order)}
        self.assumed = assumed
        self.label = f"worse than the baseline, in the order {' '.join(order)}"

    @property
    def cost(self) -> int:
        return _COST

    @property
    def is_fixed(self) -> bool:
        return True

    def test(self, fact: Fact, context: Context) -> Truth:
        mine, theirs = self._place(fact), self._base_place(fact, context)
        if mine is None or theirs is None:
            return Truth.UNKNOWN
        return _TRUTH[mine > theirs]

    def explain(self, fact: Fact, context: Context) -> Trace:
        base = last_or_first(fact.concept, None, context)
        known = (
            f"assumed {self.assumed}, no baseline" if base is None else f"baseline {describe(base, context)}"
        )
        reason = f"{describe_value(fact)}; {known}"
        return Trace(self.test(fact, context), self.label, reason, () if base is None else (base,))

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        base = last_or_first(fact.concept, None, context)
        return () if base is None else (base,)

    def _place(self, fact: Fact) -> int | None:
        return self.places.get(fact.value.code) if isinstance(fact.value, Coded) else None

    def _base_place(self, fact: Fact, context: Context) -> int | None:
        base = last_or_first(fact.concept, None, context)
        return self.places[self.assumed] if base is None else self._place(base)
