"""What a contestant finds, and the numbers of the five patterns; `pack/rules` say the same in the rule language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from worker.model.time import HOUR_MS

PATTERNS = ("one-reading", "two-readings", "rise", "worse", "absence")

FEVER = 38.0
WEEK_MS = 168 * HOUR_MS
SHORTEST_MS, LONGEST_MS = 4 * HOUR_MS, 24 * HOUR_MS
BASELINE_MS, THREE_DAYS_MS, RISE = 24 * HOUR_MS, 72 * HOUR_MS, 3.0
GAP_MS, GRACE_MS = 6 * HOUR_MS, 90 * HOUR_MS // 60


class Match(NamedTuple):
    """A pattern of one puncture, and the first instant at which it holds."""

    pattern: str
    patient: str
    puncture_ms: int
    at_ms: int


def compare(name: str, theirs: Iterable[Match], expected: Iterable[Match]) -> None:
    """Check that a contestant found what was expected, each match once.

    Raises: AssertionError with how much too much and too little it found, by pattern, and one of these matches.
    """
    found, wanted = Counter(theirs), Counter(expected)
    surplus, lacking = found - wanted, wanted - found
    if surplus or lacking:
        told = [*list(surplus)[:1], *list(lacking)[:1]]
        message = f"{name}: too many {_by_pattern(surplus)}, missing {_by_pattern(lacking)}, such as {told}"
        raise AssertionError(message)


def _by_pattern(matches: Counter[Match]) -> dict[str, int]:
    return {name: count for name in PATTERNS if (count := sum(m.pattern == name for m in matches.elements()))}
