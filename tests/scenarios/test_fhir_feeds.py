"""Every public FHIR example is read without a crash and accounted for, each loss with a reviewed reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.mapping.fhir import map_fhir
from worker.mapping.pack import MappingPack, compile_mapping
from worker.model.message import Form, IssueKind, OutcomeKind, RawMessage, Reading
from worker.notes.reader import NoteDocument, NoteReading

pytestmark = pytest.mark.slow

# File → why it cannot be filed. Reviewed: none of them names a patient, so no fact of theirs could belong to anybody.
DEAD_LETTERS = {
    "DiagnosticReport-gingival-mass.json": "no patient named",
    "Observation-decimal.json": "no patient named",
    "Observation-vp-oyster.json": "no patient named",
    "Procedure-education.json": "no patient named",
    "Procedure-ob.json": "no patient named",
    "ServiceRequest-appendectomy-narrative.json": "no patient named",
    "ServiceRequest-education.json": "no patient named",
    "ServiceRequest-ob.json": "no patient named",
    "package.json": "no resourceType",  # the manifest of the examples, no resource
}
# File → reasons of entries that are kept aside while the rest of the Bundle is read.
BAD_ENTRIES: dict[str, set[str]] = {
    # Made to show unresolvable references, and a Patient without id and identifier.
    "Bundle-bundle-references.json": {"no identifier", "patient reference cannot be resolved"},
    "Bundle-bundle-transaction.json": {"a deletion that names no resource", "no identifier"},
    # Results of a panel without a subject of their own: the report names the patient, they do not.
    "Bundle-ghp.json": {"no patient named"},
    "Bundle-report.json": {"no patient named"},
}


class Silent:
    """Read no notes: what they state is tested elsewhere."""

    def read(self, document: NoteDocument) -> NoteReading:
        del document
        return NoteReading()


@pytest.fixture(scope="module")
def readings(root: Path, shared: Path) -> dict[str, Reading]:
    pack = _pack(root / "mappings")
    return {
        name: map_fhir(RawMessage(body, Form.FHIR, "file", 0), pack, Silent())
        for name, body in _files(shared)
    }


def _pack(folder: Path) -> MappingPack:
    paths = [folder / "pack.yaml", *(folder / "concepts").glob("*.yaml"), *(folder / "feeds").glob("*.yaml")]
    return compile_mapping([{str(path.relative_to(folder)): path.read_text("utf-8") for path in paths}])


def _files(shared: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted((shared / "feeds" / "fhir").rglob("*.json")):
        yield path.name, path.read_bytes()


def test_every_file_is_accounted_for(readings: dict[str, Reading]) -> None:
    assert len(readings) > 500
    for name, reading in readings.items():
        is_plain = reading.outcome.kind is OutcomeKind.PROCESSED
        assert bool(reading.outcome.reason) is not is_plain, name


def test_every_dead_letter_has_a_reviewed_reason(readings: dict[str, Reading]) -> None:
    found = {
        name: reading.outcome.reason
        for name, reading in readings.items()
        if reading.outcome.kind is OutcomeKind.DEAD_LETTERED
    }

    assert found == DEAD_LETTERS


def test_every_bad_entry_has_a_reviewed_reason(readings: dict[str, Reading]) -> None:
    found = {
        name: {issue.subject for issue in reading.issues if issue.kind is IssueKind.BAD_ENTRY}
        for name, reading in readings.items()
        if reading.outcome.kind is OutcomeKind.PROCESSED
    }

    assert {name: reasons for name, reasons in found.items() if reasons} == BAD_ENTRIES


def test_what_is_ignored_is_named_by_its_type(readings: dict[str, Reading]) -> None:
    reasons = {
        reading.outcome.reason for reading in readings.values() if reading.outcome.kind is OutcomeKind.IGNORED
    }

    assert all(
        reason.startswith(("resource type ", "subject is a ", "Bundle without ")) for reason in reasons
    )


def test_the_vital_signs_of_the_examples_become_facts(readings: dict[str, Reading]) -> None:
    concepts = {fact.concept for reading in readings.values() for fact in reading.facts}

    assert {"body-temperature", "heart-rate", "spo2", "gcs", "encounter", "note", "birth-date"} <= concepts
