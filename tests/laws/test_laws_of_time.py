"""Laws of time: replay equals live, what is asked again equals what is asked anew, and nobody is told twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.laws import arrivals
from tests.laws.printed import hold
from tests.laws.sizes import of_each_rule, try_law
from tests.laws.worlds import Trial, lived, remembered, told_once

pytestmark = pytest.mark.slow


@of_each_rule
def test_a_replay_finds_what_was_found_live(rule: str) -> None:
    def law(trial: Trial, seeds: Sequence[int]) -> None:
        hold(lived, trial, arrivals.split(trial.spec, seeds[0]))
        hold(lived, trial, arrivals.merged(trial.spec, seeds[1]))

    try_law(law, rule, 600, each=2)


@of_each_rule
def test_asking_what_changed_equals_asking_everything(rule: str) -> None:
    def law(trial: Trial, seeds: Sequence[int]) -> None:
        hold(remembered, trial, arrivals.corrected(trial.spec, seeds[0]))
        hold(remembered, trial, arrivals.split(trial.spec, seeds[1]))

    try_law(law, rule, 1_000, each=2)


@of_each_rule
def test_nobody_is_told_twice_of_one_version_of_an_alert(rule: str) -> None:
    def law(trial: Trial, seeds: Sequence[int]) -> None:
        hold(told_once, trial, arrivals.repeated(trial.spec, seeds[0]))
        hold(told_once, trial, arrivals.restarted(trial.spec, seeds[1]))

    try_law(law, rule, 300, each=2)
