"""Laws of time: replay equals live, what is asked again equals what is asked anew, and nobody is told twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import arrivals
from tests.laws.histories import histories
from tests.laws.printed import hold
from tests.laws.sizes import examples
from tests.laws.worlds import Trial, lived, remembered, told_once
from worker.simulate.vignettes import VignetteSpec

pytestmark = pytest.mark.slow
SEEDS = st.lists(arrivals.SEEDS, min_size=2, max_size=2)


@examples(600, 2)
@given(histories(), SEEDS)
def test_a_replay_finds_what_was_found_live(spec: VignetteSpec, seeds: list[int]) -> None:
    trial = Trial(spec)
    hold(lived, trial, arrivals.split(spec, seeds[0]))
    hold(lived, trial, arrivals.merged(spec, seeds[1]))


@examples(1_000, 2)
@given(histories(), SEEDS)
def test_asking_what_changed_equals_asking_everything(spec: VignetteSpec, seeds: list[int]) -> None:
    trial = Trial(spec)
    hold(remembered, trial, arrivals.corrected(spec, seeds[0]))
    hold(remembered, trial, arrivals.split(spec, seeds[1]))


@examples(300, 2)
@given(histories(), SEEDS)
def test_nobody_is_told_twice_of_one_version_of_an_alert(spec: VignetteSpec, seeds: list[int]) -> None:
    trial = Trial(spec)
    hold(told_once, trial, arrivals.repeated(spec, seeds[0]))
    hold(told_once, trial, arrivals.restarted(spec, seeds[1]))
