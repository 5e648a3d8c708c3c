"""Laws of what is told later: merges and corrections may come before or after what they concern, in any transport."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.laws import arrivals
from tests.laws.histories import REVISIONS
from tests.laws.printed import hold
from tests.laws.sizes import of_each_rule, try_law
from tests.laws.worlds import Trial, arrives_otherwise

pytestmark = pytest.mark.slow


@of_each_rule
def test_merges_may_come_before_or_after_what_they_join(rule: str) -> None:
    def law(trial: Trial, seeds: Sequence[int]) -> None:
        for seed in seeds:
            hold(arrives_otherwise, trial, arrivals.merged(trial.spec, seed))

    try_law(law, rule, 1_000, troubles=["under"])


@of_each_rule
def test_corrections_may_come_before_what_they_correct(rule: str) -> None:
    def law(trial: Trial, seeds: Sequence[int]) -> None:
        for seed in seeds:
            hold(arrives_otherwise, trial, arrivals.corrected(trial.spec, seed))

    try_law(law, rule, 1_000, troubles=REVISIONS)


@of_each_rule
def test_hl7_fhir_and_both_mixed_give_the_same_findings(rule: str) -> None:
    def law(trial: Trial, seeds: Sequence[int]) -> None:
        for seed in seeds:
            hold(arrives_otherwise, trial, arrivals.transported(trial.spec, seed))

    try_law(law, rule, 1_000, change=arrivals.untied)
