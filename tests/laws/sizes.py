"""How many examples each law is tried on: thousands in every run, ten thousand with LPWATCH_TEST_LONG (`make test-long`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.laws.arrivals import SEEDS
from tests.laws.histories import firing, histories, undisturbed
from tests.laws.worlds import Trial, pack
from worker.simulate.vignettes import VignetteSpec

IS_LONG = bool(os.environ.get("LPWATCH_TEST_LONG"))  # noqa: TID251  how long a test takes is set from outside
LONG = 10_000
ARRIVALS = 4
"""So many arrivals are tried of one history; each of them is an example."""
RULES = tuple(rule.id for rule in pack().rules.rules)
of_each_rule = pytest.mark.parametrize("rule", RULES)


def drawn(number: int) -> settings:
    """Draw so many, the same in every run. What fails is made small by us, not by hypothesis."""
    return settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


def share(number: int, each: int, groups: int = len(RULES)) -> int:
    """Give how many of the histories of a law, each of which is so many examples, fall to one rule, or group of them."""
    return -(-(LONG if IS_LONG else number) // (each * groups))


def try_law(
    law: Callable[[Trial, Sequence[int]], None],
    rule: str,
    number: int,
    *,
    each: int = ARRIVALS,
    troubles: Sequence[str] = (),
    change: Callable[[VignetteSpec], VignetteSpec] = lambda spec: spec,
) -> None:
    """Try a law on histories that begin with what fires a rule: one in which nothing goes wrong, then drawn ones.

    Shape: the share of this rule in `number` examples of the law, `each` of one history by a seed for each. Fails where no
    history raised the rule.
    """
    met = 0

    def tried(spec: VignetteSpec, seeds: Sequence[int]) -> None:
        nonlocal met
        trial = Trial(change(spec))
        law(trial, seeds)
        met += rule in trial.found.rules

    @seed(crc32(rule.encode()))
    @drawn(share(number, each) - 1)
    @given(histories(troubles, rule), st.lists(SEEDS, min_size=each, max_size=each))
    def drawn_ones(spec: VignetteSpec, seeds: list[int]) -> None:
        tried(spec, seeds)

    tried(undisturbed(firing(rule)[0]), range(each))
    drawn_ones()
    assert met, f"no history of {rule} raised it"
