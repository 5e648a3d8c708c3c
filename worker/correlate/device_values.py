"""Values that bedside devices chart without anybody looking: each counts as the median of ten minutes. Pure: no I/O, no clock.

A probe that slips or a cable that is pulled gives one wild value among many. So a value that nobody validated counts as the
median of the values of its concept and feed in the ten minutes up to it, itself included. It looks back only: what comes later
takes nothing back, and a value that stands alone is its own median, so that none is lost. A fact keeps its identity, time and
place; what the device wrote stands beside the median. A value counts as it is once somebody validated it (OBX-11 F, C).

Source: the rule catalogue (`global.quality`); HL7 v2.5.1 table 0085: R is entered and not verified.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from msgspec.structs import replace

from worker.correlate.index import rank_fact
from worker.correlate.limits import DEFAULT_LIMITS
from worker.model.fact import UNVALIDATED, Fact, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from worker.correlate.limits import Limits

_PRELIMINARY = "preliminary"


def settle_device_values(
    facts: Iterable[Fact], continuous: Mapping[str, int], limits: Limits = DEFAULT_LIMITS
) -> tuple[Fact, ...]:
    """Put the median in place of each value that a device charted and nobody validated.

    Shape: `facts` current facts of one patient group in any order; the outcome in the same order. `continuous` gives the
    decimals of each concept that devices chart continuously.
    """
    known = tuple(facts)
    raw: dict[tuple[str, str], list[Fact]] = {}
    for fact in known:
        if fact.concept in continuous and _is_raw(fact):
            raw.setdefault((fact.concept, fact.source.feed), []).append(fact)
    if not raw:
        return known
    settled = {
        id(fact): made
        for (concept, _), group in raw.items()
        for fact, made in _settle(sorted(group, key=rank_fact), continuous[concept], limits.device_median_ms)
    }
    return tuple(settled.get(id(fact), fact) for fact in known)


def _is_raw(fact: Fact) -> bool:
    """Tell whether nobody looked at a number; one with a comparator has no median."""
    is_unseen = fact.result_status == _PRELIMINARY or UNVALIDATED in fact.qualifiers
    return is_unseen and isinstance(fact.value, Quantity) and not fact.value.comparator


def _settle(group: Sequence[Fact], decimals: int, span_ms: int) -> Iterable[tuple[Fact, Fact]]:
    """Give each fact of one concept and feed, by time, with what it counts as."""
    first = 0
    after = 0
    for fact in group:
        at_ms = fact.effective.start_ms
        while group[first].effective.start_ms <= at_ms - span_ms:
            first += 1
        while after < len(group) and group[after].effective.start_ms <= at_ms:
            after += 1
        if after - first > 1:
            yield fact, _as_median(fact, group[first:after], decimals)


def _as_median(fact: Fact, group: Sequence[Fact], decimals: int) -> Fact:
    values = [other.value.value for other in group if isinstance(other.value, Quantity)]
    own = fact.value
    if not isinstance(own, Quantity):
        return fact
    middle = round(median(values), decimals) + 0.0
    return replace(
        fact, value=Quantity(middle, own.unit, reported=f"{own.reported}, median of {len(values)} values")
    )
