"""What a fact can still be at a place of a rule, as far as intervals tell. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor, inf
from typing import TYPE_CHECKING, NamedTuple

from worker.rules.bounds import FOREVER_MS, given
from worker.rules.interval import Relation

if TYPE_CHECKING:
    from worker.rules.clauses import Bounds
    from worker.rules.context import Window
    from worker.rules.params import Limit


class Span(NamedTuple):
    """Numbers between two ends; an open end is not reached itself."""

    low: float = -inf
    high: float = inf
    is_low_open: bool = False
    is_high_open: bool = False

    @property
    def is_empty(self) -> bool:
        """Tell whether no number is left."""
        return self.low > self.high or (self.low == self.high and (self.is_low_open or self.is_high_open))

    def and_also(self, relation: Relation, value: float) -> Span:
        """Return what is left with one more comparison."""
        match relation:
            case Relation.ABOVE:
                return self if self.low > value else self._replace(low=value, is_low_open=True)
            case Relation.AT_LEAST:
                return self if self.low >= value else self._replace(low=value, is_low_open=False)
            case Relation.BELOW:
                return self if self.high < value else self._replace(high=value, is_high_open=True)
            case Relation.AT_MOST:
                return self if self.high <= value else self._replace(high=value, is_high_open=False)

    def meet(self, low: float, high: float) -> Span:
        """Return what is left between two ends that are reached."""
        return self.and_also(Relation.AT_LEAST, low).and_also(Relation.AT_MOST, high)


ANY = Span()
BORN = Span(low=0)
_BEGUN = -1.0
"""The last millisecond before the LP."""


@dataclass(frozen=True, slots=True)
class Domain:
    """What r can be at a place of a rule.

    Shape: `lp` and `series` in milliseconds from the LP and from the first LP of its series, which is never later; `age` in
    whole days; `statuses` None where r may be no statement; `lacks` qualifiers that r cannot have.
    """

    concepts: frozenset[str] = frozenset()
    lp: Span = ANY
    series: Span = ANY
    age: Span = BORN
    value: Span = ANY
    statuses: frozenset[str] | None = None
    lacks: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing can be like this."""
        return (
            self.lp.is_empty
            or self.series.is_empty
            or self.age.is_empty
            or self.value.is_empty
            or self.statuses == frozenset()
        )

    def of(self, concepts: frozenset[str]) -> Domain:
        """Return the domain of another fact of the same patient, at any time."""
        return Domain(concepts, age=self.age)

    def inside(self, window: Window) -> Domain:
        """Return the domain of a fact in a window."""
        own = 0.0 if window.first_ms >= 0 else -inf
        first = own if window.starts_with_series else float(window.first_ms)
        return replace(
            self, lp=self.lp.meet(first, window.last_ms), series=self.series.meet(window.first_ms, inf)
        )

    def after_lp(self, shortest: float, longest: float) -> Domain:
        """Narrow by the time from the LP."""
        return replace(
            self, lp=self.lp.meet(shortest, _open(longest)), series=self.series.meet(shortest, inf)
        )

    def after_series(self, shortest: float, longest: float) -> Domain:
        """Narrow by the time from the first LP of the series."""
        end = _open(longest)
        return replace(self, lp=self.lp.meet(-inf, end), series=self.series.meet(shortest, end))

    def before(self, concepts: frozenset[str], shortest: float, longest: float) -> Domain:
        """Return the domain of a fact that stands so long before r."""
        return replace(
            self.of(concepts),
            lp=Span(self.lp.low - _open(longest), self.lp.high - shortest),
            series=Span(self.series.low - _open(longest), self.series.high - shortest),
        )

    def beside(self, concepts: frozenset[str], within: float) -> Domain:
        """Return the domain of a fact at most so long before or after r."""
        return replace(
            self.of(concepts),
            lp=Span(self.lp.low - within, self.lp.high + within),
            series=Span(self.series.low - within, self.series.high + within),
        )

    @property
    def baseline(self) -> Domain:
        """Return the domain of a value of r's concept from before the LP."""
        return replace(self.of(self.concepts), lp=Span(-inf, _BEGUN))


def _open(longest: float) -> float:
    return inf if longest >= FOREVER_MS else longest


def narrow_value(span: Span, relation: Relation, limit: Limit) -> Span:
    """Narrow by a number; of values by age the one that leaves most."""
    values = limit.all_values
    widest = min(values) if relation in {Relation.ABOVE, Relation.AT_LEAST} else max(values)
    return span.and_also(relation, widest)


def narrow_age(span: Span, relation: Relation, days: float) -> Span:
    """Narrow by an age; ages are whole days."""
    match relation:
        case Relation.ABOVE:
            return span.meet(floor(days) + 1, inf)
        case Relation.AT_LEAST:
            return span.meet(ceil(days), inf)
        case Relation.BELOW:
            return span.meet(-inf, ceil(days) - 1)
        case Relation.AT_MOST:
            return span.meet(-inf, floor(days))


def relations(bounds: Bounds) -> tuple[tuple[Relation, str], ...]:
    """Return the comparisons that bounds state."""
    return tuple(given(bounds))
