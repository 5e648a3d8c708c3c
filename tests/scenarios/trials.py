"""Vignettes on trial: what went wrong, in words."""

from __future__ import annotations

from dataclasses import replace

from worker.simulate.judge import describe
from worker.simulate.letters import FORMS
from worker.simulate.trial import Bench, try_vignette
from worker.simulate.vignettes import Vignette


def failures_by_extract(vignette: Vignette, bench: Bench) -> str:
    """Try a vignette whose notes say what it states: once, as the readings do not depend on form and order."""
    return failures_of(vignette, replace(bench, is_gold=True, forms=FORMS[:1], shuffles=()))


def failures_of(vignette: Vignette, bench: Bench) -> str:
    """Try a vignette in every form and order; empty where it gives exactly its alerts."""
    return "\n".join(
        f"{failure.form}, {failure.order}: expected {[describe(one) for one in failure.expected]}, "
        f"got {[describe(one) for one in failure.got]} {' '.join(failure.problems)}"
        for failure in try_vignette(vignette, bench).failures
    )
