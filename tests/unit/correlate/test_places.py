"""Where a patient is, and was at the LP: of the present visit, whatever order the messages came in."""

from __future__ import annotations

import pytest

from tests.unit.correlate.facts import at, csf, discharge, fact, finding, located, stay, temperature
from worker.correlate.index import FactIndex
from worker.correlate.places import Whereabouts, find_whereabouts
from worker.model.fact import Fact, Quantity


def whereabouts(now_h: float, *facts: Fact, lp_h: float = 0) -> Whereabouts:
    return find_whereabouts(FactIndex(facts), at(lp_h), at(now_h))


def units(found: Whereabouts) -> tuple[str, str]:
    return tuple(place.location.unit if place else "" for place in (found.now, found.at_lp))  # type: ignore[return-value] # two


def test_nothing_known_is_nowhere() -> None:
    assert whereabouts(5) == Whereabouts()
    assert whereabouts(5, stay(-2)) == Whereabouts()


def test_the_last_place_counts_now_and_at_the_lp() -> None:
    facts = [stay(-4), located(-4, "ED"), located(-1, "AMU", "3"), located(6, "ITU")]
    assert units(whereabouts(5, *facts)) == ("AMU", "AMU")
    assert units(whereabouts(6, *facts)) == ("ITU", "AMU")
    found = whereabouts(7, *facts)
    assert found.now is not None
    assert found.now.since_ms == at(6)


def test_without_a_stay_the_last_place_counts() -> None:
    assert units(whereabouts(7, located(-1, "AMU"), located(6, "ITU"))) == ("ITU", "AMU")


@pytest.mark.parametrize("with_stay", [True, False])
def test_after_a_discharge_the_patient_is_on_no_ward(*, with_stay: bool) -> None:
    facts = [located(-1, "AMU"), discharge(6), *([stay(-1)] if with_stay else [])]
    found = whereabouts(7, *facts)
    assert (units(found), found.has_left) == (("", "AMU"), True)
    assert whereabouts(5, *facts).has_left is False


def test_a_place_of_an_earlier_visit_is_not_where_the_patient_is() -> None:
    first = [stay(-50, visit="V1"), located(-50, "SURGERY", visit="V1"), discharge(-40, visit="V1")]
    again = [stay(-2, visit="V2")]
    late_word_of_the_first = located(1, "SURGERY", visit="V1")
    assert units(whereabouts(2, *first, *again, late_word_of_the_first)) == ("", "")
    assert units(whereabouts(2, *first, *again, late_word_of_the_first, located(-1, "AMU", visit="V2"))) == (
        "AMU",
        "AMU",
    )


def test_a_place_without_a_visit_number_belongs_to_the_stay_of_its_time() -> None:
    earlier = [stay(-50, visit="V1"), located(-50, "SURGERY", visit=""), discharge(-40, visit="V1")]
    assert units(whereabouts(2, *earlier, stay(-2, visit="V2"))) == ("", "")
    assert units(whereabouts(2, *earlier, stay(-2, visit="V2"), located(-1, "AMU", visit=""))) == (
        "AMU",
        "AMU",
    )


def test_a_place_that_ended_is_left() -> None:
    assert units(whereabouts(5, stay(-2), located(-1, "AMU", end=3))) == ("", "AMU")


def test_a_place_that_is_told_again_counts_from_the_first_word_of_it() -> None:
    again = [stay(-4), located(-4, "ITU"), located(-3, "AMU"), located(2, "AMU"), located(6, "AMU")]
    found = whereabouts(7, *again)
    assert found.now is not None
    assert found.now.since_ms == at(-3)


def test_a_bed_makes_another_place_and_the_time_does_not() -> None:
    same = whereabouts(7, located(-1, "AMU", "3"), located(6, "AMU", "3"))
    moved = whereabouts(7, located(-1, "AMU", "3"), located(6, "AMU", "4"))
    assert same.now is not None
    assert moved.now is not None
    assert same.now.is_same(same.at_lp)
    assert not moved.now.is_same(moved.at_lp)


def test_after_a_discharge_nobody_observes_until_somebody_does() -> None:
    facts = [
        stay(-1),
        temperature(2, 37.0),
        discharge(6),
        csf(0.2, 3),
        fact("crp", 9, Quantity(4, "mg/L"), specimen="blood"),
    ]
    assert whereabouts(20, *facts).unobserved_since_ms == at(6)
    assert whereabouts(20, *facts, finding("headache", 10)).unobserved_since_ms == at(10)
    assert whereabouts(20, *facts, temperature(12, 37.0)).unobserved_since_ms == at(12)
    assert whereabouts(11, *facts, temperature(12, 37.0)).unobserved_since_ms == at(6)
    assert whereabouts(20, *facts, stay(18, visit="V2")).unobserved_since_ms is None
