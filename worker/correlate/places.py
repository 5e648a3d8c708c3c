"""Where a patient was put, at any instant. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from worker.correlate.index import is_csf
from worker.correlate.stays import discharge_times, find_stays, stay_at
from worker.model.fact import Assertion, EncounterValue, Location, Quantity

if TYPE_CHECKING:
    from worker.correlate.index import FactIndex
    from worker.correlate.stays import Stay
    from worker.model.fact import Fact
    from worker.model.time import EpochMs


@dataclass(frozen=True, slots=True)
class Place:
    """A ward with room and bed, since when, and until when where that is known."""

    location: Location
    since_ms: EpochMs
    until_ms: EpochMs | None = None

    def is_same(self, other: Place | None) -> bool:
        """Tell whether two places are one, whenever the patient came there."""
        return other is not None and _bed(self.location) == _bed(other.location)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a patient is and was at the lumbar puncture (LP), None where it is not known.

    Shape: `unobserved_since_ms` after a discharge: when the patient left, or the last observation after that; else None.
    """

    now: Place | None = None
    at_lp: Place | None = None
    unobserved_since_ms: EpochMs | None = None

    @property
    def has_left(self) -> bool:
        """Tell whether the patient is discharged."""
        return self.unobserved_since_ms is not None


NOWHERE = Whereabouts()


def find_whereabouts(index: FactIndex, lp_ms: EpochMs, as_of_ms: EpochMs) -> Whereabouts:
    """Say where a patient is at `as_of_ms` and was at `lp_ms`, by all that is known now, however late it came."""
    stays = find_stays(index)
    left = [at_ms for at_ms in discharge_times(index, stays) if at_ms <= as_of_ms]
    since_ms = None
    if left and stay_at(stays, as_of_ms) is None:
        since_ms = max(left[-1], _last_observed(index, as_of_ms))
    return Whereabouts(_place_at(index, stays, as_of_ms), _place_at(index, stays, lp_ms), since_ms)


def _last_observed(index: FactIndex, as_of_ms: EpochMs) -> EpochMs:
    """Return when somebody last looked at the patient: a value that no laboratory gave, or a statement; 0 without one."""
    return max(
        (
            fact.effective.start_ms
            for fact in index.facts
            if fact.effective.start_ms <= as_of_ms
            and not fact.specimen
            and not is_csf(fact.concept)
            and isinstance(fact.value, Quantity | Assertion)
        ),
        default=0,
    )


def _place_at(index: FactIndex, stays: tuple[Stay, ...], at_ms: EpochMs) -> Place | None:
    """Return the last place stated by then: of the visit that covers the instant, else since the patient last left."""
    stay = stay_at(stays, at_ms)
    left_ms = 0 if stay else max((ms for ms in discharge_times(index, stays) if ms <= at_ms), default=0)
    facts = [
        fact
        for fact in index.series("location").facts
        if left_ms <= fact.effective.start_ms <= at_ms and _is_of(stay, fact)
    ]
    last: Place | None = None
    for fact in sorted(facts, key=_recency):
        if isinstance(fact.value, Location):
            place = Place(fact.value, fact.effective.start_ms, fact.effective.end_ms)
            last = replace(place, since_ms=last.since_ms) if last and last.is_same(place) else place
    return None if last is None or (last.until_ms is not None and last.until_ms <= at_ms) else last


def _is_of(stay: Stay | None, fact: Fact) -> bool:
    """Tell whether a place belongs to a visit; without a number, one of its time does."""
    if (
        stay is None
        or not isinstance(stay.fact.value, EncounterValue)
        or not isinstance(fact.value, Location)
    ):
        return True
    visit = stay.fact.value.visit
    if visit and fact.value.visit:
        return visit == fact.value.visit
    return fact.effective.start_ms >= stay.start_ms


def _recency(fact: Fact) -> tuple[object, ...]:
    return (fact.effective.start_ms, fact.version, fact.patient.key, fact.key)


def _bed(location: Location) -> tuple[str, str, str, str]:
    return (location.facility, location.unit, location.room, location.bed)
