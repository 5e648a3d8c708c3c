"""The port of note reading: a document's text in, what it states out. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.model.fact import Assertion, PunctureStatus


LONGEST_TEXT = 262_144
"""Characters that are read of one document; house choice: far above any note, and read in well under a second."""

UNREAD_REST = f"text beyond the first {LONGEST_TEXT} characters"
"""What a mapping says where a reading is cut."""


@dataclass(frozen=True, slots=True)
class NoteDocument:
    """One version of a note.

    Shape: `document_id` as the feed numbers it (not unique over patients); `title` of the document, `kind` its type as
    filed ("28570-0", "Nursing note"); `text` whole and unescaped, any line ends.
    """

    document_id: str
    title: str
    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class NotePuncture:
    """What a note documents of a lumbar puncture; numbers, trauma and the time of day (hour, minute) only where it says so."""

    status: PunctureStatus
    passes: int | None = None
    is_traumatic: bool | None = None
    clock: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class NoteReading:
    """What one note states.

    Shape: `assertions` pairs (finding concept, assertion) in the order of the text; spans are characters of
    `NoteDocument.text` as it was given. `is_cut` where the text is longer than `LONGEST_TEXT` and its rest was not read.
    `headings` has for each assertion, where it is given at all, the words by which the heading above it says when it was
    written ("day", "2").
    """

    assertions: tuple[tuple[str, Assertion], ...] = ()
    puncture: NotePuncture | None = None
    is_cut: bool = False
    headings: tuple[tuple[str, ...], ...] = ()

    @property
    def dated(self) -> Iterator[tuple[str, Assertion, tuple[str, ...]]]:
        """Give each assertion with the words of its heading that say when it was written."""
        headings = chain(self.headings, repeat(()))
        for (finding, assertion), written in zip(self.assertions, headings, strict=False):
            yield finding, assertion, written


class NoteReader(Protocol):
    """Read a note: by rules, or from a gold standard in tests."""

    def read(self, document: NoteDocument) -> NoteReading:
        """Return what the note states; never raises, an unreadable text states nothing."""
        ...  # pragma: no cover
