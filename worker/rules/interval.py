"""Numbers that are known only within bounds, and what a threshold can say of them. Pure: no I/O, no clock.

`<7` is every number below 7: it is not above 7, and nobody knows whether it is above 5. So a comparison is true, false or
unknown.
"""

from __future__ import annotations

from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from worker.model.fact import Comparator
from worker.model.finding import Truth

if TYPE_CHECKING:
    from worker.model.fact import Quantity

_DIGITS = 6
_MANY = 1e5


class Interval(NamedTuple):
    """Bound a number from both sides; an open end is not reached itself."""

    low: float
    high: float
    is_low_open: bool = False
    is_high_open: bool = False

    @property
    def is_exact(self) -> bool:
        """Tell whether only one number is possible."""
        return self.low == self.high


class Relation(StrEnum):
    """Name the four comparisons of the rule language; "above" and "below" are strict."""

    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"

    @property
    def words(self) -> str:
        """Return the comparison as people read it."""
        return self.value.replace("_", " ")


def interval_of(quantity: Quantity) -> Interval:
    """Return what a reported quantity says of the true number."""
    number = quantity.value
    match quantity.comparator:
        case Comparator.EXACT:
            return Interval(number, number)
        case Comparator.BELOW:
            return Interval(-inf, number, is_high_open=True)
        case Comparator.AT_MOST:
            return Interval(-inf, number)
        case Comparator.ABOVE:
            return Interval(number, inf, is_low_open=True)
        case Comparator.AT_LEAST:
            return Interval(number, inf)


def decide(relation: Relation, number: Interval, limit: float) -> Truth:
    """Compare with a limit: true or false where every possible number agrees, else unknown."""
    match relation:
        case Relation.ABOVE:
            return _is_above(number, limit)
        case Relation.AT_LEAST:
            return _is_at_least(number, limit)
        case Relation.BELOW:
            return negate(_is_at_least(number, limit))
        case Relation.AT_MOST:
            return negate(_is_above(number, limit))


def negate(truth: Truth) -> Truth:
    """Return the opposite; unknown stays unknown."""
    if truth is Truth.UNKNOWN:
        return truth
    return Truth.FALSE if truth is Truth.TRUE else Truth.TRUE


def subtract(left: Interval, right: Interval) -> Interval:
    """Return `left` − `right`, rounded so that 39.2 − 38.2 is 1.0."""
    return Interval(
        _round(left.low - right.high),
        _round(left.high - right.low),
        left.is_low_open or right.is_high_open,
        left.is_high_open or right.is_low_open,
    )


def divide(number: Interval, divisor: float) -> Interval:
    """Return `number` / `divisor` for a divisor above zero."""
    return number._replace(low=_round(number.low / divisor), high=_round(number.high / divisor))


def ratio(left: Interval, right: Interval) -> Interval | None:
    """Return `left` / `right` for numbers that cannot be negative, None where `right` may be zero."""
    if right.low <= 0:
        return None
    return Interval(
        _round(max(left.low, 0.0) / right.high),
        _round(left.high / right.low),
        left.is_low_open or right.is_high_open,
        left.is_high_open or right.is_low_open,
    )


def floor_at(number: Interval, lowest: float) -> Interval:
    """Cut off what cannot be: a count below zero."""
    if number.low >= lowest:
        return number
    high = max(number.high, lowest)
    return Interval(
        lowest, high, is_low_open=False, is_high_open=number.is_high_open and number.high > lowest
    )


def write(number: Interval) -> str:
    """Write a number with its bounds as people read it."""
    if number.is_exact:
        return _plain(number.low)
    if number.low == -inf:
        return f"{'<' if number.is_high_open else '<='}{_plain(number.high)}"
    if number.high == inf:
        return f"{'>' if number.is_low_open else '>='}{_plain(number.low)}"
    return f"{_plain(number.low)} to {_plain(number.high)}"


def _plain(number: float) -> str:
    """Write a number without an exponent where people count: 1200000 red cells, not 1.2e+06."""
    return f"{number:g}" if abs(number) < _MANY else f"{number:.10g}"


def _is_above(number: Interval, limit: float) -> Truth:
    if number.low > limit or (number.low == limit and number.is_low_open):
        return Truth.TRUE
    return Truth.FALSE if number.high <= limit else Truth.UNKNOWN


def _is_at_least(number: Interval, limit: float) -> Truth:
    if number.low >= limit:
        return Truth.TRUE
    if number.high < limit or (number.high == limit and number.is_high_open):
        return Truth.FALSE
    return Truth.UNKNOWN


def _round(number: float) -> float:
    return round(number, _DIGITS) if abs(number) != inf else number
