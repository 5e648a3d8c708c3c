"""Values that bedside devices chart without anybody looking: each counts as the median of ten minutes. Pure: no I/O, no clock.

A probe that slips or a cable that is pulled gives one wild value among many. So a value that nobody validated counts as the
median of the values of its concept and feed in the ten minutes up to it, itself included. It looks back only: what comes later
takes nothing back, and a value that stands alone is its own median, so that none is lost. A fact keeps its identity, time and
place; what the device wrote stands beside the median. A value counts as it is once somebody validated it (OBX-11 F, C).

Source: the rule catalogue (`global.quality`); HL7 v2.5.1 table 0085: R is entered and not verified.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from msgspec.structs import replace

from worker.correlate.limits import DEFAULT_LIMITS
from worker.model.fact import UNVALIDATED, Fact, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from worker.correlate.limits import Limits
    from worker.model.time import EpochMs

_PRELIMINARY = "preliminary"


class DeviceValues:
    """Put the median in place of each value that a device charted and nobody validated."""

    __slots__ = ("_decimals", "_span_ms")

    def __init__(self, decimals: Mapping[str, int], limits: Limits = DEFAULT_LIMITS) -> None:
        """Take the decimals of each concept that devices chart all the time; other concepts stay as they are."""
        self._decimals = decimals
        self._span_ms = limits.device_median_ms

    def __call__(self, concept: str, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Settle the current facts of one concept of a patient group, in any order; the outcome in the same order."""
        decimals = self._decimals.get(concept)
        if decimals is None:
            return facts
        groups: dict[str, list[Fact]] = {}
        for fact in facts:
            if (fact.result_status == _PRELIMINARY or UNVALIDATED in fact.qualifiers) and _is_exact(fact):
                groups.setdefault(fact.source.feed, []).append(fact)
        if not groups:
            return facts
        settled = {
            id(fact): made
            for group in groups.values()
            for fact, made in _settle(sorted(group, key=_start), decimals, self._span_ms)
        }
        return [settled.get(id(fact), fact) for fact in facts]


def _start(fact: Fact) -> EpochMs:
    return fact.effective.start_ms


def _is_exact(fact: Fact) -> bool:
    """Tell whether a value is a number as it is; one with a comparator has no median."""
    return isinstance(fact.value, Quantity) and not fact.value.comparator


def _settle(group: Sequence[Fact], decimals: int, span_ms: int) -> Iterator[tuple[Fact, Fact]]:
    """Give each fact of one concept and feed, by time, that counts as another value than its own."""
    numbers = [fact.value.value if isinstance(fact.value, Quantity) else 0.0 for fact in group]
    window: list[float] = []
    first = after = 0
    for fact, own in zip(group, numbers, strict=True):
        at_ms = fact.effective.start_ms
        while after < len(group) and group[after].effective.start_ms <= at_ms:
            insort(window, numbers[after])
            after += 1
        while group[first].effective.start_ms <= at_ms - span_ms:
            del window[bisect_left(window, numbers[first])]
            first += 1
        middle = round(_median(window), decimals) + 0.0
        if middle != own and isinstance(fact.value, Quantity):
            reported = f"{fact.value.reported}, median of {len(window)} values"
            yield fact, replace(fact, value=Quantity(middle, fact.value.unit, reported=reported))


def _median(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
