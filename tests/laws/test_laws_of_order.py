"""Laws of arrival: any order, any repetition and any batches give the same findings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import arrivals
from tests.laws.histories import by_rule, histories, undisturbed
from tests.laws.printed import hold
from tests.laws.sizes import ARRIVALS, examples
from tests.laws.worlds import Trial, arrives_otherwise, pack
from worker.simulate.vignettes import VignetteSpec

pytestmark = pytest.mark.slow
SEEDS = st.lists(arrivals.SEEDS, min_size=ARRIVALS, max_size=ARRIVALS)


@examples(2_900)
@given(histories(), SEEDS)
def test_any_order_gives_the_same_findings(spec: VignetteSpec, seeds: list[int]) -> None:
    trial = Trial(spec)
    for seed in seeds:
        hold(arrives_otherwise, trial, arrivals.shuffled(spec, seed))


@pytest.mark.parametrize("rule", [rule.id for rule in pack().rules.rules])
def test_any_order_raises_each_rule_that_a_history_raises(rule: str) -> None:
    """Drawn histories raise nearly all rules, which ones is chance; here is one of each."""
    trials = (Trial(undisturbed(spec)) for spec in by_rule()[rule])
    trial = next(trial for trial in trials if rule in trial.found.rules)
    for seed in range(ARRIVALS):
        hold(arrives_otherwise, trial, arrivals.shuffled(trial.spec, seed))


@examples(800)
@given(histories(), SEEDS)
def test_repetition_changes_nothing(spec: VignetteSpec, seeds: list[int]) -> None:
    trial = Trial(spec)
    for seed in seeds:
        hold(arrives_otherwise, trial, arrivals.repeated(spec, seed))


@examples(1_200)
@given(histories(), SEEDS)
def test_any_batches_give_the_same_findings(spec: VignetteSpec, seeds: list[int]) -> None:
    trial = Trial(spec)
    for seed in seeds:
        hold(arrives_otherwise, trial, arrivals.split(spec, seed))
