"""Values that devices chart: the median of the ten minutes up to each, unless somebody validated it."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.correlate.facts import at, fact, temperature
from worker.correlate.device_values import DeviceValues
from worker.correlate.limits import DEFAULT_LIMITS
from worker.model.fact import UNVALIDATED, Comparator, Fact, Quantity, SourceRef

SETTLE = DeviceValues({"body-temperature": 2})
MINUTE = 1 / 60


def raw(minutes: float, cel: float, **more: object) -> Fact:
    return replace(temperature(minutes * MINUTE, cel, **more), result_status="preliminary")


def counted(*facts: Fact) -> list[float]:
    settled = SETTLE("body-temperature", facts)
    return [each.value.value for each in settled if isinstance(each.value, Quantity)]


def test_a_wild_value_among_many_does_not_count() -> None:
    assert counted(raw(0, 37.0), raw(2, 37.1), raw(4, 40.5), raw(6, 37.1)) == [37.0, 37.05, 37.1, 37.1]


def test_a_fever_that_stays_counts_from_the_middle_of_its_values_on() -> None:
    values = counted(*(raw(minute, 38.6 if minute >= 20 else 37.0) for minute in range(28)))
    assert values[20:] == [37.0, 37.0, 37.0, 37.0, 37.8, 38.6, 38.6, 38.6]


def test_a_value_alone_is_its_own_median_and_stays_as_it_is() -> None:
    alone = raw(0, 39.4)
    assert SETTLE("body-temperature", [alone]) == [alone]


@pytest.mark.parametrize(("minutes", "counts"), [(9.99, 38.2), (10, 39.4), (11, 39.4)])
def test_only_the_ten_minutes_up_to_a_value_count(minutes: float, counts: float) -> None:
    assert counted(raw(0, 37.0), raw(minutes, 39.4))[1] == counts


def test_what_comes_later_takes_nothing_back() -> None:
    before = counted(raw(0, 38.6), raw(5, 38.6))
    assert counted(raw(0, 38.6), raw(5, 38.6), raw(6, 36.0), raw(7, 36.0), raw(8, 36.0))[:2] == before


@pytest.mark.parametrize("status", ["final", "corrected", ""])
def test_a_validated_value_counts_as_it_is(status: str) -> None:
    seen = replace(raw(4, 39.4), result_status=status)
    assert counted(raw(0, 37.0), raw(2, 37.0), seen) == [37.0, 37.0, 39.4]


def test_values_of_a_feed_that_nobody_looks_at_count_as_medians_whatever_their_status() -> None:
    unseen = [
        temperature(minute * MINUTE, cel, qualifiers=(UNVALIDATED,))
        for minute, cel in ((0, 37), (2, 37), (4, 40))
    ]
    assert counted(*unseen) == [37, 37, 37]


def test_feeds_and_concepts_are_not_mixed() -> None:
    other = replace(raw(2, 37.0), source=SourceRef("other", "m1", "OBX[1]", at(0)))
    assert counted(other, raw(4, 39.4)) == [37.0, 39.4]
    cells = [
        replace(fact("csf-wbc", minute, Quantity(minute, "/uL")), result_status="preliminary")
        for minute in (0, 1)
    ]
    assert SETTLE("csf-wbc", cells) is cells


def test_a_bounded_value_has_no_median() -> None:
    bounded = replace(raw(2, 37.0), value=Quantity(38, "Cel", Comparator.ABOVE))
    assert SETTLE("body-temperature", [raw(0, 37.0), bounded])[1] is bounded


def test_identity_time_and_source_stay_and_what_the_device_wrote_is_said() -> None:
    wild = raw(4, 40.5)
    (*_, settled) = SETTLE("body-temperature", [raw(0, 37.0), raw(2, 37.2), wild])
    assert settled == replace(wild, value=Quantity(37.2, "Cel", reported="40.5 Cel, median of 3 values"))


def test_an_even_number_of_values_is_rounded_to_the_precision_of_the_concept() -> None:
    assert counted(raw(0, 38.0), raw(1, 38.01)) == [38.0, 38.0]


def test_the_order_of_arrival_does_not_matter() -> None:
    facts = [raw(0, 37.0), raw(2, 39.0), raw(2, 38.0, key="feed|second"), raw(9, 37.5)]
    settled = {frozenset(SETTLE("body-temperature", order)) for order in permutations(facts)}
    assert len(settled) == 1


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(350, 410)), max_size=12))
def test_a_median_lies_within_the_values_of_ten_minutes(rows: list[tuple[int, int]]) -> None:
    facts = [raw(minute, tenths / 10, key=f"feed|{at_}") for at_, (minute, tenths) in enumerate(rows)]
    settled = SETTLE("body-temperature", facts)
    assert [each.key for each in settled] == [each.key for each in facts]
    for one in settled:
        end_ms = one.effective.start_ms
        near = [
            other.value.value
            for other in facts
            if isinstance(other.value, Quantity)
            and end_ms - DEFAULT_LIMITS.device_median_ms < other.effective.start_ms <= end_ms
        ]
        assert isinstance(one.value, Quantity)
        assert min(near) <= one.value.value <= max(near)
