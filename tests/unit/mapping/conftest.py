"""The default pack, packs of one's own, and a way to read a message written in the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from worker.mapping.hl7v2 import map_hl7
from worker.mapping.pack import MappingPack, compile_mapping
from worker.model.message import Form, RawMessage, Reading
from worker.model.time import from_rfc3339
from worker.notes.reader import NoteDocument, NoteReading

RECEIVED_AT_MS = 1_767_600_000_000


class Reader:
    """A note reader that gives the readings it was made with, by a part of the text, and keeps what it was asked."""

    def __init__(self, readings: Mapping[str, NoteReading] | None = None) -> None:
        self._readings = dict(readings or {})
        self.documents: list[NoteDocument] = []

    def read(self, document: NoteDocument) -> NoteReading:
        self.documents.append(document)
        found = (reading for part, reading in self._readings.items() if part in document.text)
        return next(found, NoteReading())


Read = Callable[..., Reading]


@pytest.fixture(scope="session")
def layer() -> dict[str, str]:
    """Give the mapping files of the default pack as one layer."""
    root = Path(__file__).resolve().parents[3] / "mappings"
    paths = [root / "pack.yaml", *sorted(root.glob("concepts/*.yaml")), *sorted(root.glob("feeds/*.yaml"))]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture(scope="session")
def pack(layer: dict[str, str]) -> MappingPack:
    """Give the default pack."""
    return compile_mapping([layer])


@pytest.fixture(scope="session")
def site(layer: dict[str, str]) -> Callable[[str], MappingPack]:
    """Compile the default pack with one feed file laid over it; the feed is recognised by MSH-3 SITE."""

    def compile_site(keys: str) -> MappingPack:
        feed = f"feed: site\nmatch: [{{application: SITE}}]\n{keys}\n"
        return compile_mapping([layer, {"feeds/site.yaml": feed}])

    return compile_site


@pytest.fixture
def reader() -> type[Reader]:
    """Give the note reader of these tests."""
    return Reader


@pytest.fixture(scope="session")
def read(pack: MappingPack) -> Read:
    """Read a message given as lines; MSH, PID and times have what most tests need."""

    def read_lines(
        *lines: str,
        kind: str = "ORU^R01",
        application: str = "SITE",
        at: str = "20260105120000+0000",
        pid: str = "PID|1||P1^^^HOSP^MR||||19800101",
        notes: Reader | None = None,
        using: MappingPack | None = None,
        latest: str = "",
    ) -> Reading:
        head = [f"MSH|^~\\&|{application}|CITY|||{at}||{kind}|M1|P|2.5.1", pid]
        body = "\r".join([line for line in head if line] + list(lines)) + "\r"
        raw = RawMessage(body.encode(), Form.HL7V2, "file", RECEIVED_AT_MS)
        latest_ms = from_rfc3339(latest) if latest else None
        return map_hl7(raw, using or pack, notes or Reader(), latest_ms)

    return read_lines
