"""References are followed inside their document. Tests worker.decode.fhir.references."""

from __future__ import annotations

import itertools
import json

import pytest

from worker.decode.fhir import Literal, References, decode_document, parse_literal
from worker.decode.fhir.resources import Observation, Patient

NEWER = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"lastUpdated": "2026-01-06T08:00:00Z"},
    "active": False,
}
OLDER = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"lastUpdated": "2026-01-05T08:00:00Z"},
    "active": True,
}
OWNER = Observation()


@pytest.mark.parametrize(
    ("reference", "literal"),
    [
        ("Patient/1", Literal("", "Patient", "1")),
        ("Patient/1/_history/4", Literal("", "Patient", "1")),
        ("https://fhir.example/r4/Patient/a-b.c", Literal("https://fhir.example/r4", "Patient", "a-b.c")),
        ("urn:uuid:5a1cf54c-0000-4000-8000-000000000001", None),
        ("#p1", None),
        ("Patient/", None),
        ("Patient/1?x=y", None),
        ("patient 1", None),
    ],
)
def test_a_literal_reference_names_type_and_id(reference: str, literal: Literal | None) -> None:
    assert parse_literal(reference) == literal


def references(*entries: dict[str, object]) -> References:
    return References(decode_document(json.dumps({"resourceType": "Bundle", "entry": entries}).encode()))


@pytest.mark.parametrize("reference", ["Patient/p1", "Patient/p1/_history/2", "urn:uuid:1"])
def test_a_resource_of_the_bundle_is_found_by_its_name_or_its_url(reference: str) -> None:
    found = references({"fullUrl": "urn:uuid:1", "resource": NEWER}).resolve(reference, OWNER)

    assert isinstance(found, Patient)


def test_what_the_document_does_not_hold_is_not_found() -> None:
    assert references({"resource": NEWER}).resolve("Patient/p2", OWNER) is None
    assert (
        references({"resource": {"resourceType": "Practitioner", "id": "p2"}}).resolve(
            "Practitioner/p2", OWNER
        )
        is None
    )


def test_of_two_versions_the_newer_is_found_in_whatever_order() -> None:
    for order in itertools.permutations((NEWER, OLDER)):
        found = references(*({"resource": resource} for resource in order)).resolve("Patient/p1", OWNER)
        assert isinstance(found, Patient)
        assert found.active is False


def test_a_contained_resource_is_found_in_its_owner_only() -> None:
    contained = [{"resourceType": "Specimen", "id": 5}, {"resourceType": "Specimen", "id": "s1"}]
    body = json.dumps({"resourceType": "Observation", "contained": contained}).encode()
    document = decode_document(body)
    owner = document.resources[0].resource

    assert isinstance(owner, Observation)
    assert References(document).resolve("#s1", owner) is not None
    assert References(document).resolve("#s2", owner) is None
    assert References(document).resolve("#s1", OWNER) is None
