"""Numbers with comparators decide only what they settle."""

from __future__ import annotations

import pytest

from worker.model.fact import Comparator, Quantity
from worker.model.finding import Truth
from worker.rules.interval import (
    Interval,
    Relation,
    decide,
    divide,
    floor_at,
    interval_of,
    ratio,
    subtract,
    write,
)

TRUE, FALSE, UNKNOWN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


def quantity(text: str) -> Interval:
    digits = text.lstrip("<>=")
    return interval_of(Quantity(float(digits), "/uL", Comparator(text.removesuffix(digits))))


@pytest.mark.parametrize(
    ("number", "above", "at_least", "below", "at_most"),
    [
        ("4", FALSE, FALSE, TRUE, TRUE),
        ("5", FALSE, TRUE, FALSE, TRUE),
        ("6", TRUE, TRUE, FALSE, FALSE),
        ("<5", FALSE, FALSE, TRUE, TRUE),
        ("<=5", FALSE, UNKNOWN, UNKNOWN, TRUE),
        ("<7", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
        (">5", TRUE, TRUE, FALSE, FALSE),
        (">=5", UNKNOWN, TRUE, FALSE, UNKNOWN),
        (">4", UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_a_comparison_with_five(
    number: str, above: Truth, at_least: Truth, below: Truth, at_most: Truth
) -> None:
    told = [decide(relation, quantity(number), 5) for relation in Relation]
    assert told == [above, at_least, below, at_most]


def test_differences_are_rounded_so_that_39_2_less_38_2_is_one() -> None:
    assert subtract(quantity("39.2"), quantity("38.2")) == Interval(1.0, 1.0)


def test_a_difference_with_a_bound_is_bounded() -> None:
    assert decide(Relation.ABOVE, subtract(quantity(">100"), quantity("1")), 99) is TRUE
    assert decide(Relation.BELOW, subtract(quantity("12"), quantity(">9")), 3) is TRUE


def test_a_quotient_and_a_floor() -> None:
    assert divide(quantity("9000"), 1000) == Interval(9, 9)
    assert floor_at(subtract(quantity("3"), quantity("9")), 0) == Interval(0, 0)
    assert floor_at(quantity("<3"), 0) == Interval(0, 3, is_high_open=True)


def test_a_ratio_to_what_may_be_zero_is_none() -> None:
    assert ratio(quantity("1"), quantity("2")) == Interval(0.5, 0.5)
    assert ratio(quantity("1"), quantity("<2")) is None
    assert ratio(quantity("1"), quantity("0")) is None


@pytest.mark.parametrize("text", ["5", "<7", "<=7", ">140", ">=3"])
def test_a_number_is_written_as_it_was_reported(text: str) -> None:
    assert write(quantity(text)) == text


def test_a_number_between_two_bounds_is_written_as_such() -> None:
    assert write(Interval(0, 3)) == "0 to 3"
