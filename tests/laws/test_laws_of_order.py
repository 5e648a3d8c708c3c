"""Laws of arrival: any order, any repetition and any batches give the same findings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import arrivals
from tests.laws.histories import histories
from tests.laws.printed import hold
from tests.laws.sizes import ARRIVALS, examples
from tests.laws.worlds import Trial, arrives_otherwise, pack
from worker.simulate.vignettes import VignetteSpec

pytestmark = pytest.mark.slow
SEEDS = st.lists(arrivals.SEEDS, min_size=ARRIVALS, max_size=ARRIVALS)


def test_any_order_gives_the_same_findings_and_the_histories_raise_every_rule() -> None:
    raised: set[str] = set()

    @examples(2_900)
    @given(histories(), SEEDS)
    def law(spec: VignetteSpec, seeds: list[int]) -> None:
        trial = Trial(spec)
        for seed in seeds:
            hold(arrives_otherwise, trial, arrivals.shuffled(spec, seed))
        raised.update(trial.found.rules)

    law()
    rules = {rule.id for rule in pack().rules.rules}
    assert raised == rules, f"{len(raised)} of {len(rules)} rules raised; never {sorted(rules - raised)}"


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
