"""Stand in for the note reader: answer with the gold reading that a vignette gives. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.notes.reader import NoteDocument, NoteReading
from worker.simulate.vignettes import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping


class GoldReader:
    """Read a document by its id; a document without a gold reading says nothing."""

    def __init__(self, gold: Mapping[str, Mapping[str, NoteReading]]) -> None:
        """Keep gold readings: document id, then text of the version (`plain_text`), then what it says."""
        self._gold = dict(gold)

    def read(self, document: NoteDocument) -> NoteReading:
        """Answer with the gold reading of this version of the document; one version alone needs no equal text."""
        versions = self._gold.get(document.document_id, {})
        found = versions.get(plain_text(document.text))
        if found is None and len(versions) == 1:
            found = next(iter(versions.values()))
        return found or NoteReading()
