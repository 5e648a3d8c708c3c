"""Every document ends in exactly one of three ways. Tests worker.mapping.fhir.mapper."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.mapping.fhir import map_fhir
from worker.mapping.pack import MappingPack
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
