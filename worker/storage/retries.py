"""When an assessment that failed is tried again: what was wrong may be us, and be mended without a word from the patient."""

from __future__ import annotations

from collections.abc import Iterable

from worker.model.time import DAY_MS, MINUTE_MS, EpochMs

_LONGEST_MS = DAY_MS


def retry_ms(as_of_ms: EpochMs, last_failure_ms: EpochMs | None, timers: Iterable[EpochMs]) -> EpochMs | None:
    """Give the instant for another try, or None where one of the patient's own timers comes no later.

    Shape: a minute after the first failure, then twice the distance between the last two, a day at most; failures longer
    ago than two days are no matter.
    """
    distance_ms = 0 if last_failure_ms is None else as_of_ms - last_failure_ms
    if distance_ms > 2 * _LONGEST_MS:
        distance_ms = 0
    at_ms = as_of_ms + min(max(2 * distance_ms, MINUTE_MS), _LONGEST_MS)
    return at_ms if all(timer_ms > at_ms for timer_ms in timers) else None
