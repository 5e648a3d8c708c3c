"""Read notes that nobody labelled and collect what could fire a rule (ADR 0030). Pure: no I/O, no clock."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.model.errors import PackError
from worker.notes.evaluation import STANDING
from worker.notes.qualifiers import BASELINE
from worker.notes.reader import NoteDocument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.notes.reader import NoteReader

COLUMN = "section_text"
"""The column of a file of notes that holds the text."""


@dataclass(frozen=True, slots=True)
class BackgroundNote:
    """A note: `id` is the number of its row."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What a note states that could fire a rule, with the sentence around it."""

    id: str
    finding: str
    status: str
    qualifiers: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Background:
    """How many notes were read, and what could fire."""

    notes: int
    heard: tuple[Heard, ...]

    @property
    def per_thousand(self) -> float:
        """Return the assertions per 1,000 notes."""
        return 1_000 * len(self.heard) / self.notes if self.notes else 0.0


def is_background(text: str) -> bool:
    """Tell whether a file is one of notes: comma-separated, with a column of text."""
    return COLUMN in text.partition("\n")[0].strip().split(",")


def parse_background(text: str, file: str) -> tuple[BackgroundNote, ...]:
    """Read comma-separated notes.

    Raises: PackError "file:line:1: message" for a row without text.
    """
    rows = csv.DictReader(text.splitlines(keepends=True))
    notes = []
    for number, row in enumerate(rows, 1):
        if row.get(COLUMN) is None:
            raise PackError(f"has no {COLUMN}", f"{file}:{rows.line_num}:1")
        notes.append(BackgroundNote(str(number), row[COLUMN]))
    return tuple(notes)


def evaluate_background(reader: NoteReader, notes: Iterable[BackgroundNote]) -> Background:
    """Read every note; what is present or uncertain and was not there before the LP could fire."""
    found = list(notes)
    heard = tuple(
        Heard(note.id, finding, str(said.status), said.qualifiers, said.sentence)
        for note in found
        for finding, said in reader.read(NoteDocument("", "", note.text)).assertions
        if said.status in STANDING and BASELINE not in said.qualifiers
    )
    return Background(len(found), heard)
