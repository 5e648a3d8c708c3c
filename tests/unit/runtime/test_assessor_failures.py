"""What the store finds wrong with a patient is told as what a rule does: by reason, without data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from structlog.testing import capture_logs

from worker.runtime.assessor import Assessor
from worker.storage.records import Assessed, Case, Quarantined, Verdict

Judge = Any  # what the assessor asks of a pack is not asked for here
FAILURE = Quarantined("assessment", 5, "stored form 99 is newer than this release", "codec")


class Store:
    def __init__(self) -> None:
        self.calls = 0

    def next_due_ms(self) -> None:
        return None

    def assess(
        self,
        _as_of_ms: int,
        _opening: Iterable[str],
        _decide: Callable[[Case], Verdict],
        *,
        limit: int = 200,
    ) -> Assessed:
        self.calls += 1
        return Assessed(due=limit if self.calls == 1 else 0, failed=1, failures=(FAILURE,))


class NoPack:
    opening = frozenset({"lumbar-puncture"})


def test_patients_that_the_store_set_aside_are_logged_and_the_next_ones_are_judged() -> None:
    judge: Judge = NoPack()
    with capture_logs() as lines:
        done = Assessor(Store(), judge).run(5, 5)
    assert done.failures == (FAILURE, FAILURE)
    assert [(line["event"], line["log_level"], line["reason"], line["place"]) for line in lines] == [
        ("assessment_failed", "error", FAILURE.reason, "codec")
    ] * 2
