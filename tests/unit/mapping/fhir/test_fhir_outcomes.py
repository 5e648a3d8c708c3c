"""Every document ends in exactly one of three ways. Tests worker.mapping.fhir.mapper."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from worker.mapping.fhir import map_fhir
from worker.mapping.fhir.status import VOID
from worker.mapping.pack import MappingPack
from worker.model.fact import Claim
from worker.model.message import Form, IssueKind, Outcome, OutcomeKind, RawMessage, Reading
from worker.model.time import from_rfc3339
from worker.notes.reader import NoteReader

Read = Callable[..., Reading]
PATIENT: dict[str, object] = {"resourceType": "Patient", "id": "p1", "birthDate": "1980-02-03"}
NOBODY: dict[str, object] = {"resourceType": "Encounter", "id": "e1", "status": "finished"}
BAD: dict[str, object] = {"resourceType": "Patient", "birthDate": 5}
PRACTITIONER: dict[str, object] = {"resourceType": "Practitioner", "id": "d1"}
BUNDLE = {"id": "b1", "timestamp": "2026-01-05T08:00:00Z"}


def test_bytes_that_are_no_document_are_dead_letters(pack: MappingPack, notes: NoteReader) -> None:
    reading = map_fhir(RawMessage(b"{", Form.FHIR, "file", 0), pack, notes)

    assert reading.outcome == Outcome(OutcomeKind.DEAD_LETTERED, "not valid JSON")
    assert reading.feed == "default"


@pytest.mark.parametrize(
    ("resources", "outcome"),
    [
        ([PATIENT], Outcome(OutcomeKind.PROCESSED)),
        ([PATIENT, BAD], Outcome(OutcomeKind.PROCESSED)),
        ([PRACTITIONER, PATIENT], Outcome(OutcomeKind.PROCESSED)),
        ([PRACTITIONER], Outcome(OutcomeKind.IGNORED, "resource type Practitioner")),
        ([{"resourceType": "JaneDoe1970"}], Outcome(OutcomeKind.IGNORED, "resource type unknown")),
        ([], Outcome(OutcomeKind.IGNORED, "Bundle without resources")),
        (
            [PRACTITIONER, BAD],
            Outcome(OutcomeKind.DEAD_LETTERED, "unexpected shape at $.birthDate", "Bundle.entry[1]"),
        ),
        (
            [NOBODY, PRACTITIONER],
            Outcome(OutcomeKind.DEAD_LETTERED, "no patient named", "Bundle.entry[0].resource.subject"),
        ),
    ],
)
def test_a_bundle_ends_as_its_resources_do(
    read: Read, resources: list[dict[str, object]], outcome: Outcome
) -> None:
    assert read(*resources, **BUNDLE).outcome == outcome


def test_bad_entries_and_nobodies_of_a_bundle_are_kept(read: Read) -> None:
    reading = read(PATIENT, BAD, NOBODY, **BUNDLE)

    assert {(issue.kind, issue.place, issue.subject, issue.is_quarantined) for issue in reading.issues} == {
        (IssueKind.BAD_ENTRY, "Bundle.entry[1]", "unexpected shape at $.birthDate", True),
        (IssueKind.BAD_ENTRY, "Bundle.entry[2].resource.subject", "no patient named", True),
    }


def test_a_bundle_is_named_and_dated(read: Read) -> None:
    reading = read(PATIENT, **BUNDLE)

    assert (reading.message_type, reading.message_id) == ("Bundle collection", "b1")
    assert reading.message_at_ms == from_rfc3339("2026-01-05T08:00:00Z")
    assert reading.facts[0].source.message_id == "b1"


def test_a_type_that_the_feed_does_not_want_is_ignored(read: Read) -> None:
    condition = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}

    reading = read(condition, transport="fhir-test")

    assert reading.outcome == Outcome(OutcomeKind.IGNORED, "resource type Condition")
    assert reading.feed == "fhir-test"


def test_the_order_of_a_bundle_does_not_matter(read: Read) -> None:
    encounter = {**NOBODY, "subject": {"reference": "urn:uuid:1"}, "period": {"start": "2026-01-04"}}
    entries = [{"fullUrl": "urn:uuid:1", "resource": PATIENT}, {"resource": encounter}]

    first, second = (read(entry=order, **BUNDLE) for order in (entries, entries[::-1]))

    assert {(fact.key, fact.patient, fact.version) for fact in first.facts} == {
        (fact.key, fact.patient, fact.version) for fact in second.facts
    }


def deletion(url: str, **entry: object) -> dict[str, object]:
    return {"request": {"method": "DELETE", "url": url}, **entry}


@pytest.mark.parametrize(
    ("entry", "stated_at"),
    [
        (deletion("Observation/o1"), "2026-01-05T08:00:00Z"),
        (deletion("https://server.example/fhir/Observation/o1/_history/3"), "2026-01-05T08:00:00Z"),
        (
            deletion("Observation/o1", response={"status": "204", "lastModified": "2026-01-05T07:30:00Z"}),
            "2026-01-05T07:30:00Z",
        ),
        (deletion("Observation/o1", resource=PATIENT), "2026-01-05T08:00:00Z"),
    ],
    ids=["by the document", "absolute, with a version", "by the server", "what is deleted comes along"],
)
def test_a_deletion_claims_a_resource_for_nobody(
    read: Read, entry: dict[str, object], stated_at: str
) -> None:
    reading = read(entry=[entry], **BUNDLE)

    assert reading.outcome == Outcome(OutcomeKind.PROCESSED)
    assert (reading.facts, reading.patients, reading.issues) == ((), (), ())
    assert reading.claims == (Claim("default|Observation|o1", None, (from_rfc3339(stated_at), VOID), 0),)


def test_a_deletion_without_any_time_counts_from_its_receipt(pack: MappingPack, notes: NoteReader) -> None:
    body = json.dumps({"resourceType": "Bundle", "entry": [deletion("Observation/o1")]}).encode()

    (claim,) = map_fhir(RawMessage(body, Form.FHIR, "file", 1234), pack, notes).claims

    assert (claim.stated_at, claim.received_at_ms) == ((1234, VOID), 1234)


@pytest.mark.parametrize(
    ("url", "transport", "outcome"),
    [
        (
            "Observation?identifier=1",
            "file",
            (OutcomeKind.DEAD_LETTERED, "a deletion that names no resource"),
        ),
        ("", "file", (OutcomeKind.DEAD_LETTERED, "a deletion that names no resource")),
        ("Practitioner/d1", "file", (OutcomeKind.IGNORED, "resource type Practitioner")),
        ("Condition/c1", "fhir-test", (OutcomeKind.IGNORED, "resource type Condition")),
    ],
)
def test_a_deletion_of_something_else_takes_nothing_back(
    read: Read, url: str, transport: str, outcome: tuple[OutcomeKind, str]
) -> None:
    reading = read(entry=[deletion(url)], transport=transport, **BUNDLE)

    assert (reading.outcome.kind, reading.outcome.reason) == outcome
    assert reading.claims == ()
    is_lost = outcome[0] is OutcomeKind.DEAD_LETTERED
    assert [issue.is_quarantined for issue in reading.issues] == [True] * is_lost


def test_a_resource_with_an_id_and_facts_is_its_patients(read: Read) -> None:
    nameless = {name: value for name, value in PATIENT.items() if name != "id"}
    nameless["identifier"] = [{"system": "urn:x", "value": "4711"}]
    silent = {"resourceType": "Patient", "id": "p2"}

    reading = read(PATIENT, nameless, silent, **BUNDLE)

    (born, _) = reading.facts
    assert reading.claims == (
        Claim("default|Patient|p1", born.patient, (born.version.major, born.version.minor), 0),
    )
