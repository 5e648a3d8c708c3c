"""Predicates about r and other facts in time: before it, near it, rising up to it. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from worker.correlate.index import Series, rank_fact
from worker.correlate.view import NEVER_MS
from worker.model.fact import Quantity
from worker.model.finding import Trace, Truth
from worker.model.time import MINUTE_MS
from worker.rules.context import Judged, ReadingNode
from worker.rules.interval import Interval, subtract
from worker.rules.interval import write as write_number
from worker.rules.predicates.lacking import lacking
from worker.rules.predicates.logic import all_of, fixed_part, possible
from worker.rules.predicates.value import number_of
from worker.rules.words import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.model.fact import Fact
    from worker.model.time import EpochMs
    from worker.rules.context import Blank, Context, Wanted
    from worker.rules.params import Limits

_SHOWN = 3
_COST = 10


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back from r an earlier reading may stand.

    Shape: at most `within_ms` before r, and not before `not_before_ms` from the LP or, with `is_series`, from the first of
    its series; None where nothing bounds it there.
    """

    within_ms: int
    not_before_ms: int | None = None
    is_series: bool = False

    def first_ms(self, fact: Fact, context: Context) -> EpochMs:
        """Return the first instant that counts for r."""
        first_ms = fact.effective.start_ms - self.within_ms
        if self.not_before_ms is None:
            return first_ms
        start_ms = context.series_ms if self.is_series else context.anchor_ms
        return max(first_ms, start_ms + self.not_before_ms)


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
            known = context.judged[id(self)] = _judge(id(self), self.concepts, self.where, context)
        return known


def _judge(key: int, concepts: tuple[str, ...], clause: ReadingNode, context: Context) -> Judged:
    everything = context.view.between(concepts, -NEVER_MS, NEVER_MS)
    facts = possible(key, fixed_part(clause), everything, context)
    truths = [clause.test(other, context) for other in facts]
    return Judged(_series(facts, truths, Truth.TRUE), _series(facts, truths, Truth.UNKNOWN))


def _series(facts: tuple[Fact, ...], truths: list[Truth], wanted: Truth) -> Series:
    kept = tuple(fact for fact, truth in zip(facts, truths, strict=True) if truth is wanted)
    return Series(kept, tuple(fact.effective.start_ms for fact in kept))


def _has_other(found: tuple[Fact, ...], fact: Fact) -> bool:
    return len(found) > 1 or (len(found) == 1 and found[0] is not fact)


class PrecededBy(Related):
    """`preceded_by`: an earlier fact, as far before r as `gap` says.

    With a `breaker`, only facts younger than the last one before r of which that clause holds.
    """

    __slots__ = ("breaker", "reach", "shortest_ms")

    def __init__(
        self,
        concepts: tuple[str, ...],
        shortest_ms: int,
        reach: Reach,
        where: ReadingNode,
        label: str,
        breaker: ReadingNode | None = None,
    ) -> None:
        self.concepts = concepts
        self.shortest_ms = shortest_ms
        self.reach = reach
        self.where = where
        self.breaker = breaker
        self.label = label if breaker is None else f"{label}, and since then none: {breaker.label}"

    def span(self, fact: Fact, context: Context) -> tuple[EpochMs, EpochMs]:
        first_ms = self.reach.first_ms(fact, context)
        if self.breaker is not None:
            first_ms = max(first_ms, self._broken_ms(self.breaker, fact, context)[0] + 1)
        return first_ms, fact.effective.start_ms - self.shortest_ms

    def test(self, fact: Fact, context: Context) -> Truth:
        truth = super().test(fact, context)
        if self.breaker is None or truth is not Truth.TRUE:
            return truth
        first_ms, last_ms = self.span(fact, context)
        unsure_ms = self._broken_ms(self.breaker, fact, context)[1]
        sure = self._judged(context).holding.within(max(first_ms, unsure_ms + 1), last_ms)
        return Truth.TRUE if _has_other(sure, fact) else Truth.UNKNOWN

    def _broken_ms(self, breaker: ReadingNode, fact: Fact, context: Context) -> tuple[EpochMs, EpochMs]:
        """Return when it was last broken before r, and when it last may have been."""
        key = -id(self)  # not the breaker's own: a definition may break several
        known = context.judged.get(key)
        if known is None:
            known = context.judged[key] = _judge(key, self.concepts, breaker, context)
        holding, unsure = (series.last_before(fact.effective.start_ms) for series in known)
        return _time_of(holding), _time_of(unsure)

    def nearest(self, fact: Fact, others: tuple[Fact, ...]) -> Fact:
        return others[-1]


def _time_of(fact: Fact | None) -> EpochMs:
    return -NEVER_MS if fact is None else fact.effective.start_ms


class Near(Related):
    """`near`: a fact at most so long before or after r."""

    __slots__ = ("wanted", "within_ms")

    def __init__(
        self, concepts: tuple[str, ...], wanted: Wanted, within_ms: int, where: ReadingNode, label: str
    ) -> None:
        self.concepts = concepts
        self.wanted = wanted
        self.within_ms = within_ms
        self.where = where
        self.label = label

    def lacks(self, fact: Fact, context: Context) -> tuple[Blank, ...]:
        if self.test(fact, context) is Truth.TRUE:
            return ()
        found = lacking(self.wanted, self.span(fact, context), context)
        return tuple(blank for blank in found if blank.inputs)

    def span(self, fact: Fact, context: Context) -> tuple[EpochMs, EpochMs]:
        at_ms = fact.effective.start_ms
        return at_ms - self.within_ms, at_ms + self.within_ms

    def nearest(self, fact: Fact, others: tuple[Fact, ...]) -> Fact:
        at_ms = fact.effective.start_ms
        return min(others, key=lambda other: (abs(other.effective.start_ms - at_ms), rank_fact(other)))


class Rising(ReadingNode):
    """`rising`: the last readings of r's concept up to r rise strictly, by enough in total.

    A reading that repeats the next one in the same minute is the same measurement, told by two feeds.
    """

    __slots__ = ("by", "count", "reach", "spanning", "unit")

    def __init__(
        self, count: int, reach: Reach, by: Limits, spanning: Limits | None, unit: str, label: str
    ) -> None:
        self.count = count
        self.reach = reach
        self.by = by
        self.spanning = spanning
        self.unit = unit
        self.label = label

    @property
    def cost(self) -> int:
        return _COST

    def last(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        """Return the last readings up to r within the span, oldest first, r the last."""
        kept = [fact, *islice(self.measured(fact, context), self.count - 1)]
        return tuple(reversed(kept))

    def earlier(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        """Return all readings of r's concept in the span, by clinical time."""
        first_ms = self.reach.first_ms(fact, context)
        return context.view.between((fact.concept,), first_ms, fact.effective.start_ms - 1)

    def measured(self, fact: Fact, context: Context) -> Iterator[Fact]:
        """Give the readings before r, newest first; one that repeats the next one of its minute counts once, from its first."""
        last, kept = fact, None
        for reading in reversed(self.earlier(fact, context)):
            if not _is_told_again(reading, last):
                if kept is not None:
                    yield kept
                kept = reading
            elif kept is not None:
                kept = reading
            last = reading
        if kept is not None:
            yield kept

    @property
    def is_fixed(self) -> bool:
        return True

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


class RisingRun(Rising):
    """`rising` with `or_more`: all readings up to r that rise without a break, so many at least.

    A longer run rises more and spans more, so the longest is the one to ask.
    """

    __slots__ = ()

    def last(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        return (*self._run(fact, context)[0], fact)

    def test(self, fact: Fact, context: Context) -> Truth:
        truth = super().test(fact, context)
        return Truth.UNKNOWN if truth is Truth.FALSE and self._run(fact, context)[1] else truth

    def _run(self, fact: Fact, context: Context) -> tuple[tuple[Fact, ...], bool]:
        """Return the readings that rise up to r, and whether one without an exact number ended them."""
        later, run = number_of(fact, self.unit), [fact]
        if later is None or not later.is_exact:
            return (), True
        is_broken = False
        for earlier in self.measured(fact, context):
            number = number_of(earlier, self.unit)
            is_broken = number is None or not number.is_exact
            if number is None or is_broken:
                break
            if number.low >= later.low:
                break
            run.append(earlier)
            later = number
        return tuple(reversed(run[1:])), is_broken


def _is_told_again(one: Fact, next_one: Fact) -> bool:
    """Tell whether two neighbouring readings are one measurement: the same value in the same minute."""
    said, again = one.value, next_one.value
    return (
        one.effective.start_ms // MINUTE_MS == next_one.effective.start_ms // MINUTE_MS
        and isinstance(said, Quantity)
        and isinstance(again, Quantity)
        and (said.value, said.unit, said.comparator) == (again.value, again.unit, again.comparator)
    )


class Rise(ReadingNode):
    """`rise`: r exceeds the previous, or the lowest earlier, reading of its own concept by enough."""

    __slots__ = ("by", "is_lowest", "reach", "unit")

    def __init__(self, by: Limits, reach: Reach, unit: str, *, is_lowest: bool, label: str) -> None:
        self.by = by
        self.reach = reach
        self.unit = unit
        self.is_lowest = is_lowest
        self.label = label

    @property
    def cost(self) -> int:
        return _COST

    def earlier(self, fact: Fact, context: Context) -> Fact | None:
        """Return the reading that r is compared with, None where there is none."""
        first_ms = self.reach.first_ms(fact, context)
        found = context.view.between((fact.concept,), first_ms, fact.effective.start_ms - 1)
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

    @property
    def is_fixed(self) -> bool:
        return True

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
