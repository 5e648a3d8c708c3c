"""Laws of what is told later: merges and corrections may come before or after what they concern, in any transport."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import arrivals
from tests.laws.histories import REVISIONS, histories
from tests.laws.printed import hold
from tests.laws.sizes import ARRIVALS, examples
from tests.laws.worlds import Trial, arrives_otherwise
from worker.simulate.vignettes import VignetteSpec

pytestmark = pytest.mark.slow
SEEDS = st.lists(arrivals.SEEDS, min_size=ARRIVALS, max_size=ARRIVALS)


@examples(1_000)
@given(histories(["under"]), SEEDS)
def test_merges_may_come_before_or_after_what_they_join(spec: VignetteSpec, seeds: list[int]) -> None:
    trial = Trial(spec)
    for seed in seeds:
        hold(arrives_otherwise, trial, arrivals.merged(spec, seed))


@examples(1_000)
@given(histories(REVISIONS), SEEDS)
def test_corrections_may_come_before_what_they_correct(spec: VignetteSpec, seeds: list[int]) -> None:
    trial = Trial(spec)
    for seed in seeds:
        hold(arrives_otherwise, trial, arrivals.corrected(spec, seed))


@examples(1_000)
@given(histories(), SEEDS)
def test_hl7_fhir_and_both_mixed_give_the_same_findings(spec: VignetteSpec, seeds: list[int]) -> None:
    spec = arrivals.untied(spec)
    trial = Trial(spec)
    for seed in seeds:
        hold(arrives_otherwise, trial, arrivals.transported(spec, seed))
