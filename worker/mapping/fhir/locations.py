"""`Encounter.location`, to where the patient is from a moment on. Pure: no I/O, no clock.

An Encounter lists ward, room and bed as entries of their own, told apart by their kind; an entry without a kind is the ward.
Planned and reserved places say nothing of where the patient is.
Source: HL7 FHIR R4 and R5, `Encounter.location`; code system location-physical-type.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from worker.decode.fhir.datatypes import Reference
from worker.decode.fhir.references import parse_literal
from worker.decode.fhir.resources import Encounter, EncounterLocation
from worker.decode.fhir.resources import Location as WrittenLocation
from worker.mapping.fhir.codes import first_code
from worker.mapping.fhir.statement import Stated, Statement
from worker.model.fact import Location
from worker.model.time import ClinicalTime, EpochMs

LOCATION = "location"
_NOT_THERE = frozenset({"planned", "reserved"})
_KINDS = {"wa": "unit", "ro": "room", "bd": "bed", "si": "facility"}
_OTHER_KINDS = frozenset({"bu", "wi", "lvl", "co", "ve", "ho", "ca", "rd", "area", "jdn", "vi"})


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry: which part of the place it names, and from when to when."""

    kind: str
    name: str
    time: ClinicalTime

    def covers(self, at_ms: EpochMs) -> bool:
        return self.time.start_ms <= at_ms and (self.time.end_ms is None or at_ms < self.time.end_ms)


def add_locations(encounter: Encounter, visit: str, stay: ClinicalTime, statement: Statement) -> None:
    """Add a place for every moment at which one of its parts changed; `stay` dates an entry that has no period."""
    entries = sorted(_entries(encounter, stay, statement), key=lambda entry: entry.time.start_ms)
    for start_ms in sorted({entry.time.start_ms for entry in entries}):
        now = [entry for entry in entries if entry.covers(start_ms)]
        parts = {entry.kind: entry for entry in now}  # the latest of each kind
        unit = parts.get("unit")
        if unit is not None:
            names = {kind: entry.name for kind, entry in parts.items()}
            value = Location(**names, visit=visit)
            time = msgspec.structs.replace(unit.time, start_ms=start_ms)
            statement.add(LOCATION, value, time, part=f"{LOCATION}|{start_ms}")


def _entries(encounter: Encounter, stay: ClinicalTime, statement: Statement) -> Iterable[_Entry]:
    for written in encounter.location or ():
        kind, name = _kind(written), _name(written.location, encounter, statement)
        if written.status in _NOT_THERE or not kind or not name:
            continue
        period = written.period
        if period is None or not period.start:
            time: ClinicalTime | None = msgspec.structs.replace(stay, end_ms=None)
        else:
            time = statement.when((Stated("location.period", period.start, period.end),))
        if time is not None:
            yield _Entry(kind, name, time)


def _kind(written: EncounterLocation) -> str:
    code = first_code(written.physical_type or written.form)
    return "" if code in _OTHER_KINDS else _KINDS.get(code, "unit")


def _name(reference: Reference | None, encounter: Encounter, statement: Statement) -> str:
    """Return what people call a place: as the reference shows it, else by its resource, its identifier or its id."""
    if reference is None:
        return ""
    if reference.display:
        return reference.display.strip()
    if reference.identifier is not None:
        return reference.identifier.value or ""
    found = statement.scope.references.resolve(reference.reference or "", encounter)
    if isinstance(found, WrittenLocation) and found.name:
        return found.name.strip()
    literal = parse_literal(reference.reference or "")
    return "" if literal is None else literal.id
