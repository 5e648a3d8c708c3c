"""Choose the time of a lumbar puncture (LP) from its records and its fluid. Pure: no I/O, no clock.

| time | rank |
|---|---|
| exact, documented, with an end (PR1-7, OBR-8, `performedPeriod.end`) | 1 |
| exact and documented | 2 |
| exact time of a CSF specimen that belongs to the LP (a result, no record of the LP) | 3 |
| exact, but only of filing or sending (TXA-4, OBR-22, MSH-7 ...) | 4: uncertain |
| date only | 5: the start of the day, uncertain |

Among times of one rank the precedence of sources decides (specimen, note, procedure, order), then the earlier instant: a window
that starts too early hides nothing. A documented end comes before the precedence because windows count from the end of the LP
and fluid is drawn before it; a filed note comes after a specimen because nobody files during a puncture.

Source: the rule catalogue's `lp_time` (a date-only time is refined by the specimen, else the earliest possible instant).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import structs

from worker.correlate.joining import PRECEDENCE, is_filed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.correlate.joining import Record
    from worker.model.fact import Fact
    from worker.model.time import ClinicalTime, EpochMs

_ENDED, _DOCUMENTED, _SPECIMEN, _FILED, _DATE_ONLY = range(1, 6)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The time of an LP, and whether it is a guess on the early side."""

    time: ClinicalTime
    is_uncertain: bool


def choose_anchor(records: Sequence[Record], fluid: Sequence[Fact]) -> Anchor:
    """Return the time of an LP from the records joined into it and the CSF facts near them (`near_fluid`).

    Shape: at least one of the two is filled.
    """
    ranked = [
        (
            _rank_of(record.fact.effective),
            PRECEDENCE[record.puncture.source],
            record.fact.effective.start_ms,
            record.fact.effective,
        )
        for record in records
    ]
    for fact in fluid:
        rank = max(_rank_of(fact.effective), _SPECIMEN)
        ranked.append((rank, 0, fact.effective.start_ms, fact.effective))
    rank, _, _, time = min(ranked, key=lambda entry: (*entry[:3], entry[3].last_ms, entry[3].origin))
    if rank == _DATE_ONLY:
        return Anchor(structs.replace(time, end_ms=None), is_uncertain=True)
    return Anchor(time, is_uncertain=rank == _FILED)


def near_fluid(records: Sequence[Record], fluid: Sequence[Fact], span_ms: int) -> tuple[Fact, ...]:
    """Return the CSF facts that may refine the time of an LP: near a record, or on the day of a date-only one."""
    return tuple(
        fact
        for fact in fluid
        if any(_is_near(record, fact.effective.start_ms, span_ms) for record in records)
    )


def _is_near(record: Record, at_ms: EpochMs, span_ms: int) -> bool:
    time = record.fact.effective
    if time.is_date_only:
        return time.start_ms <= at_ms < time.latest_ms
    return time.start_ms - span_ms <= at_ms <= time.last_ms + span_ms


def _rank_of(time: ClinicalTime) -> int:
    if time.is_date_only:
        return _DATE_ONLY
    if is_filed(time):
        return _FILED
    return _DOCUMENTED if time.end_ms is None else _ENDED
