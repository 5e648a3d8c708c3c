"""The lexicon of the default pack, compiled once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from worker.notes.lexicon import Lexicon, parse_lexicon
from worker.notes.lexicon_reader import LexiconReader
from worker.notes.reader import NoteDocument, NoteReading

Read = Callable[..., NoteReading]


@pytest.fixture(scope="session")
def lexicon(root: Path) -> Lexicon:
    folder = root / "mappings" / "notes"
    return parse_lexicon({f"notes/{path.name}": path.read_text() for path in sorted(folder.glob("*.yaml"))})


@pytest.fixture(scope="session")
def reader(lexicon: Lexicon) -> LexiconReader:
    return LexiconReader(lexicon)


@pytest.fixture(scope="session")
def read(reader: LexiconReader) -> Read:
    def read_text(text: str, title: str = "") -> NoteReading:
        return reader.read(NoteDocument("d1", title, text))

    return read_text


@pytest.fixture(scope="session")
def lexicon_findings(lexicon: Lexicon) -> frozenset[str]:
    return lexicon.findings
