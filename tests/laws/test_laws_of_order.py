"""Laws of arrival: any order, any repetition and any batches give the same findings."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.laws import arrivals
from tests.laws.printed import hold
from tests.laws.sizes import of_each_rule, try_law
from tests.laws.worlds import Trial, arrives_otherwise

pytestmark = pytest.mark.slow


@of_each_rule
def test_any_order_gives_the_same_findings(rule: str) -> None:
    def law(trial: Trial, seeds: Sequence[int]) -> None:
        for seed in seeds:
            hold(arrives_otherwise, trial, arrivals.shuffled(trial.spec, seed))

    try_law(law, rule, 2_900)


@of_each_rule
def test_repetition_changes_nothing(rule: str) -> None:
    def law(trial: Trial, seeds: Sequence[int]) -> None:
        for seed in seeds:
            hold(arrives_otherwise, trial, arrivals.repeated(trial.spec, seed))

    try_law(law, rule, 800)


@of_each_rule
def test_any_batches_give_the_same_findings(rule: str) -> None:
    def law(trial: Trial, seeds: Sequence[int]) -> None:
        for seed in seeds:
            hold(arrives_otherwise, trial, arrivals.split(trial.spec, seed))

    try_law(law, rule, 1_200)
