"""Predicates about r and other facts in time: before it, near it, rising up to it. Pure: no I/O, no clock."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from worker.correlate.index import Series, rank_fact
from worker.correlate.view import NEVER_MS
from worker.model.finding import Trace, Truth
from worker.rules.context import Judged, ReadingNode
from worker.rules.interval import Interval, subtract
from worker.rules.interval import write as write_number
from worker.rules.predicates.logic import all_of
from worker.rules.predicates.value import number_of
from worker.rules.words import describe

if TYPE_CHECKING:
    from worker.model.fact import Fact
    from worker.model.time import EpochMs
    from worker.rules.context import Context
    from worker.rules.params import Limits

_SHOWN = 3
_COST = 10


class Related(ReadingNode):
    """Some other fact in a span around r, for which `where` holds: the base of `preceded_by` and `near`.

    What `where` says of a fact does not depend on r, so it is asked once for each fact, and r only looks up its span.
    """

    __slots__ = ("concepts", "where")

    concepts: tuple[str, ...]
    where: ReadingNode

    @property
    def cost(self) -> int:
        return _COST + self.where.cost

    def span(self, fact: Fact, context: Context) -> tuple[EpochMs, EpochMs]:
        """Return the first and last instant at which the other fact may stand."""
        raise NotImplementedError

    def nearest(self, fact: Fact, others: tuple[Fact, ...]) -> Fact:
        """Return the other fact that is nearest to r, of at least one by clinical time."""
        raise NotImplementedError

    def test(self, fact: Fact, context: Context) -> Truth:
        judged = self._judged(context)
        first_ms, last_ms = self.span(fact, context)
        if _has_other(judged.holding.within(first_ms, last_ms), fact):
            return Truth.TRUE
        if _has_other(judged.unsure.within(first_ms, last_ms), fact):
            return Truth.UNKNOWN
        return Truth.FALSE

    def explain(self, fact: Fact, context: Context) -> Trace:
        first_ms, last_ms = self.span(fact, context)
        found = context.view.between(self.concepts, first_ms, last_ms) if first_ms <= last_ms else ()
        others = tuple(other for other in found if other is not fact)
        holding = tuple(other for other in others if self.where.test(other, context) is Truth.TRUE)
        shown = holding[-_SHOWN:] or others[-_SHOWN:]
        children = tuple(
            Trace(trace.truth, describe(other, context), children=(trace,))
            for other in shown
            for trace in (self.where.explain(other, context),)
        )
        reason = f"{len(holding)} of {len(others)} in the span" if others else "none recorded in the span"
        return Trace(self.test(fact, context), self.label, reason, holding[-1:], children)

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        found = self._judged(context).holding.within(*self.span(fact, context))
        others = tuple(other for other in found if other is not fact)
        if not others:
            return ()
        nearest = self.nearest(fact, others)
        return (nearest, *self.where.support(nearest, context))

    def _judged(self, context: Context) -> Judged:
        known = context.judged.get(id(self))
        if known is None:
            facts = context.view.between(self.concepts, -NEVER_MS, NEVER_MS)
            truths = [self.where.test(other, context) for other in facts]
            known = context.judged[id(self)] = Judged(
                _series(facts, truths, Truth.TRUE), _series(facts, truths, Truth.UNKNOWN)
            )
        return known


def _series(facts: tuple[Fact, ...], truths: list[Truth], wanted: Truth) -> Series:
    kept = tuple(fact for fact, truth in zip(facts, truths, strict=True) if truth is wanted)
    return Series(kept, tuple(fact.effective.start_ms for fact in kept))


def _has_other(found: tuple[Fact, ...], fact: Fact) -> bool:
    return len(found) > 1 or (len(found) == 1 and found[0] is not fact)


class PrecededBy(Related):
    """`preceded_by`: an earlier fact, as far before r as `gap` says."""

    __slots__ = ("gap_ms", "is_series", "not_before_ms")

    def __init__(
        self,
        concepts: tuple[str, ...],
        gap_ms: tuple[int, int],
        where: ReadingNode,
        *,
        not_before_ms: int | None,
        is_series: bool,
        label: str,
    ) -> None:
        self.concepts = concepts
        self.gap_ms = gap_ms
        self.where = where
        self.not_before_ms = not_before_ms
        self.is_series = is_series
        self.label = label

    def span(self, fact: Fact, context: Context) -> tuple[EpochMs, EpochMs]:
        at_ms = fact.effective.start_ms
        shortest, longest = self.gap_ms
        first_ms = at_ms - longest
        if self.not_before_ms is not None:
            start_ms = context.series_ms if self.is_series else context.anchor_ms
            first_ms = max(first_ms, start_ms + self.not_before_ms)
        return first_ms, at_ms - shortest

    def nearest(self, fact: Fact, others: tuple[Fact, ...]) -> Fact:
        return others[-1]


class Near(Related):
    """`near`: a fact at most so long before or after r."""

    __slots__ = ("within_ms",)

    def __init__(self, concepts: tuple[str, ...], within_ms: int, where: ReadingNode, label: str) -> None:
        self.concepts = concepts
        self.within_ms = within_ms
        self.where = where
        self.label = label

    def span(self, fact: Fact, context: Context) -> tuple[EpochMs, EpochMs]:
        at_ms = fact.effective.start_ms
        return at_ms - self.within_ms, at_ms + self.within_ms

    def nearest(self, fact: Fact, others: tuple[Fact, ...]) -> Fact:
        at_ms = fact.effective.start_ms
        return min(others, key=lambda other: (abs(other.effective.start_ms - at_ms), rank_fact(other)))


class Rising(ReadingNode):
    """`rising`: the last readings of r's concept up to r rise strictly, by enough in total."""

    __slots__ = ("by", "count", "spanning", "unit", "within_ms")

    def __init__(
        self, count: int, within_ms: int, by: Limits, spanning: Limits | None, unit: str, label: str
    ) -> None:
        self.count = count
        self.within_ms = within_ms
        self.by = by
        self.spanning = spanning
        self.unit = unit
        self.label = label

    @property
    def cost(self) -> int:
        return _COST

    def last(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        """Return the last readings up to r within the span, oldest first, r the last."""
        at_ms = fact.effective.start_ms
        earlier = context.view.between((fact.concept,), at_ms - self.within_ms, at_ms - 1)
        kept = earlier[-(self.count - 1) :] if self.count > 1 else ()
        return (*kept, fact)

    def test(self, fact: Fact, context: Context) -> Truth:
        readings = self.last(fact, context)
        if len(readings) < self.count:
            return Truth.FALSE
        numbers = [number_of(reading, self.unit) for reading in readings]
        known = [number for number in numbers if number is not None and number.is_exact]
        if len(known) < len(numbers):
            return Truth.UNKNOWN
        if any(later.low <= before.low for before, later in pairwise(known)):
            return Truth.FALSE
        span_ms = fact.effective.start_ms - readings[0].effective.start_ms
        spans = Truth.TRUE if self.spanning is None else self.spanning.decide_exact(span_ms, context.age_days)
        return all_of((self.by.decide(subtract(known[-1], known[0]), context.age_days), spans))

    def explain(self, fact: Fact, context: Context) -> Trace:
        readings = self.last(fact, context)
        reason = ", ".join(describe(reading, context) for reading in readings)
        return Trace(self.test(fact, context), self.label, reason, readings)

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        return self.last(fact, context)[:-1]


class Rise(ReadingNode):
    """`rise`: r exceeds the previous, or the lowest earlier, reading of its own concept by enough."""

    __slots__ = ("by", "is_lowest", "not_before_ms", "unit", "within_ms")

    def __init__(
        self, by: Limits, within_ms: int, not_before_ms: int, unit: str, *, is_lowest: bool, label: str
    ) -> None:
        self.by = by
        self.within_ms = within_ms
        self.not_before_ms = not_before_ms
        self.unit = unit
        self.is_lowest = is_lowest
        self.label = label

    @property
    def cost(self) -> int:
        return _COST

    def earlier(self, fact: Fact, context: Context) -> Fact | None:
        """Return the reading that r is compared with, None where there is none."""
        at_ms = fact.effective.start_ms
        first_ms = max(at_ms - self.within_ms, context.anchor_ms + self.not_before_ms)
        found = context.view.between((fact.concept,), first_ms, at_ms - 1)
        if not found:
            return None
        if not self.is_lowest:
            return found[-1]
        numbered = [(number, other) for other in found if (number := number_of(other, self.unit))]
        return min(numbered, key=lambda pair: (pair[0].low, rank_fact(pair[1])))[1] if numbered else None

    def difference(self, fact: Fact, context: Context) -> Interval | None:
        """Return how much r exceeds it, None where either is no number."""
        other = self.earlier(fact, context)
        mine, theirs = number_of(fact, self.unit), number_of(other, self.unit) if other else None
        return subtract(mine, theirs) if mine is not None and theirs is not None else None

    def test(self, fact: Fact, context: Context) -> Truth:
        if self.earlier(fact, context) is None:
            return Truth.FALSE
        difference = self.difference(fact, context)
        return Truth.UNKNOWN if difference is None else self.by.decide(difference, context.age_days)

    def explain(self, fact: Fact, context: Context) -> Trace:
        other = self.earlier(fact, context)
        truth = self.test(fact, context)
        if other is None:
            return Trace(truth, self.label, "no earlier reading of the same scale in the span")
        difference = self.difference(fact, context)
        rise = "not comparable" if difference is None else f"rise {write_number(difference)}"
        return Trace(truth, self.label, f"{rise} from {describe(other, context)}", (other,))

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        other = self.earlier(fact, context)
        return () if other is None else (other,)
