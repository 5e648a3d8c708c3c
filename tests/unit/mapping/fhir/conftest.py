"""What the tests of the FHIR mapping share: a pack with a small feed, and a way to read resources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

import pytest

from worker.mapping.fhir import map_fhir
from worker.mapping.pack import MappingPack, compile_mapping
from worker.model.fact import Assertion, AssertionStatus
from worker.model.message import Form, RawMessage, Reading
from worker.notes.reader import NoteDocument, NotePuncture, NoteReading

FEED = """
feed: fhir-test
match: [{transport: fhir-test}]
zone: Europe/London
identity:
  authorities:
    - {name: NHS, system: 'https://fhir.example/Id/nhs-number'}
    - {name: HOSP, system: 'urn:oid:1.2.3'}
    - {name: 'other|Patient', system: 'https://other.example/fhir/Patient'}
  placeholders: ['^0+$']
codes:
  - {code: T1, system: 'urn:local', concept: body-temperature, unit: '[degF]'}
  - {code: POWER, concept: leg-power}
  - {code: midazolam, concept: sedation}
notes:
  types:
    - {code: NURSE, system: 'urn:local', kind: nursing-note}
  skip:
    - {code: CONSENT, system: 'urn:local'}
ignore_messages:
  Condition: problems come from another feed
"""


class Echo:
    """Read a note by one word, and remember what was given."""

    def __init__(self) -> None:
        self.documents: list[NoteDocument] = []
        self.puncture: NotePuncture | None = None
        self.is_cut = False
        self.headings: tuple[tuple[str, ...], ...] = ()

    def read(self, document: NoteDocument) -> NoteReading:
        self.documents.append(document)
        found = Assertion(AssertionStatus.PRESENT, (), (0, 8), document.text)
        count = document.text.count("headache")
        return NoteReading(
            tuple(("headache", found) for _ in range(count)), self.puncture, self.is_cut, self.headings
        )


class Read(Protocol):
    def __call__(
        self, *resources: dict[str, object], transport: str = "file", **bundle: object
    ) -> Reading: ...


@pytest.fixture(scope="session")
def pack(root: Path) -> MappingPack:
    folder = root / "mappings"
    files = {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for part in ("pack.yaml", "concepts", "feeds")
        for path in ([folder / part] if part.endswith("yaml") else sorted((folder / part).glob("*.yaml")))
    }
    return compile_mapping([files, {"feeds/fhir-test.yaml": FEED}])


@pytest.fixture
def notes() -> Echo:
    return Echo()


@pytest.fixture
def read(pack: MappingPack, notes: Echo) -> Read:
    """Read one resource as it is, several or any with Bundle elements as a Bundle."""

    def read_resources(*resources: dict[str, object], transport: str = "file", **bundle: object) -> Reading:
        document: dict[str, object] = resources[0] if resources else {}
        if len(resources) != 1 or bundle:
            entries = [{"resource": resource} for resource in resources]
            document = {"resourceType": "Bundle", "type": "collection", "entry": entries, **bundle}
        raw = RawMessage(json.dumps(document).encode(), Form.FHIR, transport, 0)
        return map_fhir(raw, pack, notes)

    return read_resources
