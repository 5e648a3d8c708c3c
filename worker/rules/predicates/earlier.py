"""Predicates about r and other facts in time: before it, near it, rising up to it. Pure: no I/O, no clock."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from worker.correlate.index import rank_fact
from worker.model.finding import Trace, Truth
from worker.rules.context import ReadingNode
from worker.rules.interval import Interval, subtract
from worker.rules.interval import write as write_number
from worker.rules.predicates.logic import all_of, any_of
from worker.rules.predicates.value import number_of
from worker.rules.words import describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.model.fact import Fact
    from worker.model.time import EpochMs
    from worker.rules.context import Context
    from worker.rules.params import Limits

_SHOWN = 3
_COST = 10


class Related(ReadingNode):
    """Some other fact in a span around r, for which `where` holds: the base of `preceded_by` and `near`."""

    __slots__ = ("concepts", "where")

    concepts: tuple[str, ...]
    where: ReadingNode

    @property
    def cost(self) -> int:
        return _COST + self.where.cost

    def span(self, fact: Fact, context: Context) -> tuple[EpochMs, EpochMs]:
        """Return the first and last instant at which the other fact may stand."""
        raise NotImplementedError

    def candidates(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        """Return the facts of the span, by clinical time; r itself may be among them."""
        first_ms, last_ms = self.span(fact, context)
        return context.view.between(self.concepts, first_ms, last_ms) if first_ms <= last_ms else ()

    def test(self, fact: Fact, context: Context) -> Truth:
        test = self.where.test
        answer = Truth.FALSE
        for other in reversed(self.candidates(fact, context)):
            if other is not fact:
                truth = test(other, context)
                if truth is Truth.TRUE:
                    return truth
                if truth is Truth.UNKNOWN:
                    answer = truth
        return answer

    def explain(self, fact: Fact, context: Context) -> Trace:
        others = tuple(other for other in self.candidates(fact, context) if other is not fact)
        truths = [self.where.test(other, context) for other in others]
        holding = tuple(other for other, truth in zip(others, truths, strict=True) if truth is Truth.TRUE)
        shown = holding[-_SHOWN:] or others[-_SHOWN:]
        children = tuple(
            Trace(trace.truth, describe(other, context), children=(trace,))
            for other in shown
            for trace in (self.where.explain(other, context),)
        )
        reason = f"{len(holding)} of {len(others)} in the span" if others else "none recorded in the span"
        return Trace(any_of(truths), self.label, reason, holding[-1:], children)

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        for other in self.nearest_first(fact, self.candidates(fact, context)):
            if other is not fact and self.where.test(other, context) is Truth.TRUE:
                return (other, *self.where.support(other, context))
        return ()

    def nearest_first(self, fact: Fact, others: tuple[Fact, ...]) -> Iterable[Fact]:
        """Order other facts by their distance from r."""
        raise NotImplementedError


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

    def nearest_first(self, fact: Fact, others: tuple[Fact, ...]) -> Iterable[Fact]:
        return reversed(others)


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

    def nearest_first(self, fact: Fact, others: tuple[Fact, ...]) -> Iterable[Fact]:
        at_ms = fact.effective.start_ms
        return sorted(others, key=lambda other: (abs(other.effective.start_ms - at_ms), rank_fact(other)))


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
