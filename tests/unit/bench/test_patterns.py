"""The five patterns of the benchmark say the same as rules and by hand."""

from __future__ import annotations

import pytest

from bench.patterns import by_hand, product
from bench.patterns.events import Mix, lines_of
from bench.patterns.matches import PATTERNS, Match, compare


@pytest.mark.slow
def test_rules_and_loop_find_the_same() -> None:
    bodies = [line.body for line in lines_of(Mix(100, 100), seed=2)]
    expected = by_hand.find(bodies)
    assert {match.pattern for match in expected} == set(PATTERNS)
    compare("rules", product.find(bodies, product.load_pack()), expected)


def test_nobody_has_two_events_at_one_instant_and_all_come_by_time() -> None:
    events = [line.body for line in lines_of(Mix(20, 50))]
    decoded = [by_hand.decode(body) for body in events]
    assert [event.at for event in decoded] == sorted(event.at for event in decoded)
    assert len({(event.patient, event.at) for event in decoded}) == len(decoded)
    assert events == [line.body for line in lines_of(Mix(20, 50))]


def test_a_match_too_many_and_one_too_few_are_told() -> None:
    one, other = Match("rise", "P1", 1, 2), Match("worse", "P1", 1, 3)
    with pytest.raises(AssertionError, match=r"Esper: too many \{'rise': 1\}, missing \{'worse': 1\}"):
        compare("Esper", [one], [other])
    with pytest.raises(AssertionError, match="too many"):
        compare("Esper", [one, one], [one])
