"""How many examples each law is tried on: thousands in every run, ten thousand with LPWATCH_TEST_LONG (`make test-long`)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

IS_LONG = bool(os.environ.get("LPWATCH_TEST_LONG"))  # noqa: TID251  how long a test takes is set from outside
LONG = 10_000
ARRIVALS = 4
"""So many arrivals are tried of one history; each of them is an example."""


def examples(number: int, each: int = ARRIVALS) -> settings:
    """Try so many examples, `each` of one history: the same in every run. What fails is made small by us, not by hypothesis."""
    return settings(
        max_examples=(LONG if IS_LONG else number) // each,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
