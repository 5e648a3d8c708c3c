"""Which stay or visit of a made-up patient each happening belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from worker.simulate.happenings import Happening, Revision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.model.time import EpochMs


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay or visit: its class (inpatient, emergency, outpatient), number, admission and reason."""

    encounter_class: str = ""
    number: str = ""
    admitted_ms: EpochMs | None = None
    reason: str = ""


NO_STAY = Stay()
_WARDS = {"inpatient": ("AMU", "NEURO", "SURG"), "emergency": ("ED",), "outpatient": ("DAY",)}
_BEDS = 24


class Bed(NamedTuple):
    """A ward and a bed on it."""

    unit: str
    bed: str


def bed_of(number: str, encounter_class: str) -> Bed | None:
    """Return where a stay is spent, the same in every form of it; None for a class that has no wards."""
    wards = _WARDS.get(encounter_class)
    if not wards or not number:
        return None
    drawn = crc32(number.encode())
    return Bed(wards[drawn % len(wards)], str(drawn % _BEDS + 1))


def stays(happenings: Iterable[Happening]) -> tuple[Stay, ...]:
    """List the stays that a patient's happenings tell of, by admission."""
    found = {
        happening.name: Stay(str(happening.value), f"V-{happening.name}", happening.at_ms, happening.text)
        for happening in happenings
        if happening.concept == "encounter" and happening.revision is not Revision.RETRACTED
    }
    return tuple(sorted(found.values(), key=lambda stay: (stay.admitted_ms or 0, stay.number)))


def stay_at(known: Iterable[Stay], at_ms: EpochMs) -> Stay:
    """Return the latest stay that began at or before an instant; without one, a stay that says nothing."""
    begun = [stay for stay in known if stay.admitted_ms is not None and stay.admitted_ms <= at_ms]
    return begun[-1] if begun else NO_STAY
