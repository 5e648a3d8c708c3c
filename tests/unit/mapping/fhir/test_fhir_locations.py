"""Encounter.location: ward, room and bed from a moment on. Tests worker.mapping.fhir.locations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.correlate.versions import current_facts
from worker.model.fact import Location
from worker.model.message import Reading
from worker.model.time import from_rfc3339

Read = Callable[..., Reading]
AT, MOVED, LATER, UPDATED = (f"2026-01-05T{hour}:00:00Z" for hour in ("08", "10", "12", "13"))
KINDS = "http://terminology.hl7.org/CodeSystem/location-physical-type"


def entry(name: str, kind: str = "", start: str = "", end: str = "", **more: object) -> dict[str, object]:
    made: dict[str, object] = {"location": {"display": name}}
    if kind:
        made["physicalType"] = {"coding": [{"system": KINDS, "code": kind}]}
    if start:
        made["period"] = {"start": start} | ({"end": end} if end else {})
    return made | more


def encounter(*locations: dict[str, object], **more: object) -> dict[str, object]:
    return {
        "resourceType": "Encounter",
        "id": "x1",
        "meta": {"lastUpdated": UPDATED},
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p1"},
        "identifier": [{"value": "V7"}],
        "period": {"start": AT},
        "location": list(locations),
        **more,
    }


def places(reading: Reading) -> list[tuple[str, Location | None]]:
    facts = sorted(reading.facts, key=lambda fact: fact.effective.start_ms)
    return [
        (fact.effective.origin, fact.value)
        for fact in facts
        if fact.concept == "location" and isinstance(fact.value, Location)
    ]


def test_an_entry_without_kind_and_period_is_the_ward_since_the_admission(read: Read) -> None:
    reading = read(encounter(entry("AMU")))
    assert places(reading) == [("Encounter.period", Location("AMU", visit="V7"))]
    assert reading.facts[-1].effective.start_ms == from_rfc3339(AT)


def test_ward_room_and_bed_are_one_place(read: Read) -> None:
    reading = read(
        encounter(entry("Bed 4", "bd"), entry("AMU", "wa"), entry("7", "ro"), entry("North", "si"))
    )
    assert places(reading) == [("Encounter.period", Location("AMU", "7", "Bed 4", "North", "V7"))]


def test_a_move_is_a_place_from_its_moment_on(read: Read) -> None:
    reading = read(
        encounter(entry("AMU", "wa", AT, MOVED), entry("ITU", "wa", MOVED), entry("3", "bd", LATER))
    )
    assert [value for _, value in places(reading)] == [
        Location("AMU", visit="V7"),
        Location("ITU", visit="V7"),
        Location("ITU", bed="3", visit="V7"),
    ]
    starts = sorted(fact.effective.start_ms for fact in reading.facts if fact.concept == "location")
    assert starts == [from_rfc3339(text) for text in (AT, MOVED, LATER)]


@pytest.mark.parametrize("status", ["planned", "reserved"])
def test_a_place_that_is_only_planned_is_none(read: Read, status: str) -> None:
    assert places(read(encounter(entry("ITU", "wa", status=status)))) == []


def test_r5_names_the_kind_differently(read: Read) -> None:
    written = entry("4", "") | {"form": {"coding": [{"system": KINDS, "code": "bd"}]}}
    assert places(read(encounter(entry("AMU"), written)))[-1][1] == Location("AMU", bed="4", visit="V7")


def test_a_building_or_corridor_is_no_ward(read: Read) -> None:
    assert places(read(encounter(entry("Main house", "bu")))) == []


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ({"identifier": {"value": "W7"}}, "W7"),
        ({"reference": "Location/l1"}, "l1"),
        ({"reference": "#l1"}, "Acute Medicine"),
        ({"reference": "Location/l1", "display": "AMU"}, "AMU"),
    ],
)
def test_a_place_is_called_what_people_call_it(read: Read, reference: dict[str, object], name: str) -> None:
    contained = [{"resourceType": "Location", "id": "l1", "name": "Acute Medicine"}]
    reading = read(encounter({"location": reference}, contained=contained))
    assert [value and value.unit for _, value in places(reading)] == [name]


def test_a_newer_version_of_the_encounter_replaces_its_places(read: Read) -> None:
    told = read(encounter(entry("AMU", "wa", AT))).facts
    newer = encounter(entry("ITU", "wa", AT)) | {"meta": {"lastUpdated": "2026-01-05T14:00:00Z"}}
    corrected = read(newer).facts
    for facts in ([*told, *corrected], [*corrected, *told]):
        units = [fact.value.unit for fact in current_facts(facts).facts if isinstance(fact.value, Location)]
        assert units == ["ITU"]
