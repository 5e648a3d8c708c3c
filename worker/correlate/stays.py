"""Stays and visits of a patient: which one covers an instant, and when the patient left. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.model.fact import EncounterValue

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from worker.correlate.index import FactIndex
    from worker.model.fact import Fact
    from worker.model.time import EpochMs


IN_HOUSE = frozenset({"inpatient", "emergency"})
"""Classes of stays that go on until an end is on file."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay or visit.

    Shape: `end_ms` is None while the patient is still there; `fact` is the encounter fact that tells of it.
    """

    encounter_class: str
    start_ms: EpochMs
    end_ms: EpochMs | None
    reason: str
    fact: Fact

    def covers(self, at_ms: EpochMs) -> bool:
        """Tell whether the patient was there at an instant; the instant of leaving is outside."""
        return self.start_ms <= at_ms and (self.end_ms is None or at_ms < self.end_ms)


def find_stays(index: FactIndex) -> tuple[Stay, ...]:
    """Return the stays of a patient group by their start.

    A stay ends at its own end (`Encounter.period.end`), else at the first discharge after its start that names the same visit,
    or that names no visit where one of the two has no number.
    """
    discharges = index.series("discharge").facts
    stays = []
    for fact in index.series("encounter").facts:
        value = fact.value
        if isinstance(value, EncounterValue):
            end_ms = _end_of(fact, value, discharges)
            stays.append(Stay(value.encounter_class, fact.effective.start_ms, end_ms, value.reason, fact))
    return tuple(stays)


def stay_at(stays: Sequence[Stay], at_ms: EpochMs) -> Stay | None:
    """Return the stay that covers an instant, the latest begun where several do; None when there is none.

    Shape: `stays` as `find_stays` gives them.
    """
    return next((stay for stay in reversed(stays) if stay.covers(at_ms)), None)


def stay_around(visit: Fact, stays: Sequence[Stay], classes: Container[str], away_ms: int) -> Stay | None:
    """Return the stay of one of the classes during which a visit begins, or less than `away_ms` after it; None for an arrival.

    A stay without an end goes on. Two records of one visit are not each other's stay.
    """
    at_ms = visit.effective.start_ms
    return next(
        (
            stay
            for stay in stays
            if stay.start_ms < at_ms
            and stay.encounter_class in classes
            and (stay.end_ms is None or stay.end_ms + away_ms > at_ms)
            and not _is_one_visit(stay, visit)
        ),
        None,
    )


def discharge_times(index: FactIndex, stays: tuple[Stay, ...]) -> tuple[EpochMs, ...]:
    """Return every instant at which the patient left, sorted."""
    ended = {stay.end_ms for stay in stays if stay.end_ms is not None}
    told = {fact.effective.start_ms for fact in index.series("discharge").facts}
    return tuple(sorted(ended | told))


def _end_of(fact: Fact, value: EncounterValue, discharges: tuple[Fact, ...]) -> EpochMs | None:
    if fact.effective.end_ms is not None:
        return fact.effective.end_ms
    for discharge in discharges:
        if discharge.effective.start_ms >= fact.effective.start_ms and _is_same_visit(value, discharge):
            return discharge.effective.start_ms
    return None


def _is_one_visit(stay: Stay, visit: Fact) -> bool:
    """Tell whether a fact tells of a stay: by its number, which may be used again once the stay has ended."""
    mine, theirs = stay.fact.value, visit.value
    if not isinstance(mine, EncounterValue) or not isinstance(theirs, EncounterValue):
        return False
    has_ended = stay.end_ms is not None and stay.end_ms <= visit.effective.start_ms
    return stay.fact is visit or (bool(mine.visit) and mine.visit == theirs.visit and not has_ended)


def _is_same_visit(value: EncounterValue, discharge: Fact) -> bool:
    left = discharge.value
    if not isinstance(left, EncounterValue) or not left.visit or not value.visit:
        return True
    return left.visit == value.visit
