"""Laws of the FHIR mapping: nothing crashes it, order does not matter, R4 and R5 say the same, a bad entry stays alone."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from worker.mapping.fhir import map_fhir
from worker.mapping.pack import MappingPack, compile_mapping
from worker.model.fact import Fact
from worker.model.message import Form, IssueKind, OutcomeKind, RawMessage, Reading
from worker.notes.reader import NoteDocument, NoteReading

MAPPINGS = Path(__file__).resolve().parents[2] / "mappings"
AT = "2026-01-05T08:{:02d}:00Z"
UPDATED = "2026-01-05T12:00:00Z"


class Silent:
    """Read no notes."""

    def read(self, document: NoteDocument) -> NoteReading:
        del document
        return NoteReading()


@cache
def pack() -> MappingPack:
    paths = [
        MAPPINGS / "pack.yaml",
        *(MAPPINGS / "concepts").glob("*.yaml"),
        *(MAPPINGS / "feeds").glob("*.yaml"),
    ]
    return compile_mapping([{str(path.relative_to(MAPPINGS)): path.read_text("utf-8") for path in paths}])


def read(body: bytes) -> Reading:
    return map_fhir(RawMessage(body, Form.FHIR, "file", 0), pack(), Silent())


def read_bundle(*entries: object) -> Reading:
    document = {"resourceType": "Bundle", "timestamp": UPDATED, "entry": entries}
    return read(json.dumps(document).encode())


def content(facts: tuple[Fact, ...]) -> list[tuple[object, ...]]:
    """Return what facts say, without where in the document they stood."""
    return sorted(
        (fact.patient.key, fact.key, fact.version, fact.concept, fact.effective.start_ms, repr(fact.value))
        for fact in facts
    )


def concept(system: str, code: str) -> dict[str, object]:
    return {"coding": [{"system": system, "code": code}]}


LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
minutes = st.integers(0, 59)
patients = st.sampled_from(["Patient/p1", "Patient/p2", "urn:uuid:p3"])


@st.composite
def temperatures(draw: st.DrawFn) -> dict[str, object]:
    return {
        "resourceType": "Observation",
        "id": draw(st.sampled_from("abc")),
        "meta": {"lastUpdated": AT.format(draw(minutes))},
        "status": draw(st.sampled_from(["preliminary", "final", "amended", "entered-in-error"])),
        "code": concept(LOINC, "8310-5"),
        "subject": {"reference": draw(patients)},
        "effectiveDateTime": "2026-01-05T07:00:00Z",
        "valueQuantity": {"value": draw(st.integers(350, 410)) / 10, "code": "Cel"},
    }


@st.composite
def persons(draw: st.DrawFn) -> dict[str, object]:
    return {
        "resourceType": "Patient",
        "id": draw(st.sampled_from(["p1", "p2", "p3"])),
        "meta": {"lastUpdated": AT.format(draw(minutes))},
        "birthDate": "1980-02-03",
        "identifier": [{"system": "urn:mrn", "value": draw(st.sampled_from("123"))}],
    }


entries = st.lists(
    st.builds(lambda resource: {"resource": resource}, temperatures() | persons())
    | st.builds(lambda resource: {"fullUrl": "urn:uuid:p3", "resource": {**resource, "id": "p3"}}, persons()),
    max_size=8,
)


@given(entries, st.randoms(use_true_random=False))
def test_the_order_of_a_bundle_does_not_matter(listed: list[dict[str, object]], random: Random) -> None:
    shuffled = list(listed)
    random.shuffle(shuffled)

    first, second = read_bundle(*listed), read_bundle(*shuffled)

    assert content(first.facts) == content(second.facts)
    assert set(first.links) == set(second.links)
    assert first.outcome.kind is second.outcome.kind


@given(
    entries,
    st.integers(0),
    st.sampled_from([5, None, [], {"resource": {"resourceType": "Observation", "status": 1}}]),
)
def test_a_spoilt_entry_changes_only_its_own_facts(
    listed: list[dict[str, object]], at: int, bad: object
) -> None:
    at %= len(listed) + 1

    reading = read_bundle(*listed[:at], bad, *listed[at:])

    assert content(reading.facts) == content(read_bundle(*listed).facts)
    bad_entries = [issue.place for issue in reading.issues if issue.kind is IssueKind.BAD_ENTRY]
    assert f"Bundle.entry[{at}]" in bad_entries


@given(minutes, minutes)
def test_r4_and_r5_shapes_give_equal_facts(start: int, end: int) -> None:
    first, last = sorted((AT.format(start), AT.format(end)))
    period, drug = {"start": first, "end": last}, concept(RXNORM, "11289")
    base = {
        "id": "x",
        "meta": {"lastUpdated": UPDATED},
        "subject": {"reference": "Patient/p1"},
        "status": "completed",
    }
    puncture = concept(SNOMED, "277762005")
    shapes: list[tuple[str, dict[str, object], dict[str, object]]] = [
        (
            "Procedure",
            {"code": puncture, "performedPeriod": period},
            {"code": puncture, "occurrencePeriod": period},
        ),
        (
            "ServiceRequest",
            {"code": puncture, "occurrencePeriod": period},
            {"code": {"concept": puncture}, "occurrencePeriod": period},
        ),
        (
            "Encounter",
            {
                "class": {"code": "IMP"},
                "period": period,
                "reasonCode": [{"text": "fall"}],
                "status": "finished",
            },
            {
                "class": [{"coding": [{"code": "IMP"}]}],
                "actualPeriod": period,
                "reason": [{"value": [{"concept": {"text": "fall"}}]}],
            },
        ),
        (
            "MedicationAdministration",
            {"medicationCodeableConcept": drug, "effectivePeriod": period},
            {"medication": {"concept": drug}, "occurencePeriod": period},
        ),
    ]
    for kind, r4, r5 in shapes:
        one, other = (
            read(json.dumps({"resourceType": kind, **base, **shape}).encode()) for shape in (r4, r5)
        )
        assert content(one.facts) == content(other.facts)
        assert one.facts


ELEMENTS = (
    "status",
    "code",
    "subject",
    "patient",
    "identifier",
    "effectiveDateTime",
    "valueQuantity",
    "valueString",
)
MORE = (
    "component",
    "content",
    "period",
    "class",
    "meta",
    "birthDate",
    "specimen",
    "performedPeriod",
    "link",
    "payload",
)
INNER = (
    "reference",
    "coding",
    "system",
    "value",
    "start",
    "end",
    "lastUpdated",
    "attachment",
    "data",
    "text",
    "unit",
)
KNOWN = (
    "Patient/1",
    "http://loinc.org",
    "8310-5",
    "final",
    "2026-01-05",
    "9999-12-31",
    "0001-01-01",
    "#a",
    "Cel",
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(KNOWN)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER), inner, max_size=4),
    max_leaves=10,
)
TYPES = (
    "Observation",
    "Patient",
    "Encounter",
    "Procedure",
    "DocumentReference",
    "Condition",
    "AllergyIntolerance",
)
TYPES_TOO = (
    "MedicationRequest",
    "MedicationStatement",
    "ServiceRequest",
    "DiagnosticReport",
    "Communication",
    "Specimen",
)
resources = st.builds(
    lambda kind, elements: {"resourceType": kind, "subject": {"reference": "Patient/1"}, **elements},
    st.sampled_from(TYPES + TYPES_TOO),
    st.dictionaries(st.sampled_from(ELEMENTS + MORE), values, max_size=8),
)


@given(st.lists(resources, max_size=3))
def test_whatever_a_bundle_holds_it_is_accounted_for(found: list[dict[str, object]]) -> None:
    reading = read_bundle(*({"resource": resource} for resource in found))

    assert reading.outcome.kind in OutcomeKind
    assert bool(reading.outcome.reason) is (reading.outcome.kind is not OutcomeKind.PROCESSED)


@given(st.binary(max_size=200) | st.builds(lambda resource: json.dumps(resource).encode(), resources))
def test_arbitrary_bytes_end_in_one_of_three_ways(body: bytes) -> None:
    assert read(body).outcome.kind in OutcomeKind
