"""NTE that a feed names as notes. Tests worker.mapping.hl7v2.comments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.mapping.pack import MappingPack
from worker.model.fact import Assertion, AssertionStatus, Fact
from worker.model.message import Reading
from worker.model.time import from_rfc3339
from worker.notes.reader import NoteDocument, NoteReading

Read = Callable[..., Reading]
STIFF = Assertion(AssertionStatus.PRESENT, span=(0, 10), sentence="Neck stiff.")
OBR = "OBR|1||n1|OBS^Observations^L|||20260105110000+0000"
PAIN = "OBX|1|NM|72514-3^Pain^LN||3|{score}|||||F|||20260105110500+0000"
NTE = "NTE|1||Neck stiff.~No rash.|GR"
RESULT = "notes: {comments: [{below: result, kind: nursing-note}]}"


class Reader:
    """Finds a stiff neck in any text, and keeps what it was asked."""

    def __init__(self) -> None:
        self.documents: list[NoteDocument] = []

    def read(self, document: NoteDocument) -> NoteReading:
        self.documents.append(document)
        return NoteReading((("neck-stiffness", STIFF),))


def notes_of(reading: Reading) -> list[Fact]:
    return [fact for fact in reading.facts if fact.concept == "note"]


def test_a_comment_is_no_note_unless_the_feed_says_so(read: Read) -> None:
    notes = Reader()
    assert notes_of(read(OBR, PAIN, NTE, notes=notes)) == []
    assert notes.documents == []


def test_comments_behind_a_result_are_one_note_at_its_time(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    notes = Reader()
    reading = read(OBR, PAIN, NTE, "NTE|2||Confused.", notes=notes, using=site(RESULT))

    assert [fact.concept for fact in reading.facts if fact.concept != "birth-date"] == [
        "pain-score",
        "note",
        "neck-stiffness",
    ]
    (note,) = notes_of(reading)
    assert note.effective.start_ms == from_rfc3339("2026-01-05T11:05:00Z")
    assert note.key == "site|document|n1|comment|72514-3|"
    assert [(one.text, one.kind, one.title) for one in notes.documents] == [
        ("Neck stiff.\nNo rash.\nConfused.", "nursing-note", "Pain")
    ]


@pytest.mark.parametrize(
    ("lines", "texts"),
    [
        ((OBR, "NTE|1||about the order", PAIN), {"order": ["about the order"], "result": [], "patient": []}),
        (
            ("NTE|1||about the patient", OBR, PAIN, OBR, PAIN),
            {"order": [], "result": [], "patient": ["about the patient"]},
        ),
        ((OBR, PAIN, "NTE|1||about pain"), {"order": [], "result": ["about pain"], "patient": []}),
    ],
)
def test_a_comment_belongs_to_what_it_stands_behind(
    read: Read, site: Callable[[str], MappingPack], lines: tuple[str, ...], texts: dict[str, list[str]]
) -> None:
    for below, expected in texts.items():
        notes = Reader()
        read(*lines, notes=notes, using=site(f"notes: {{comments: [{{below: {below}}}]}}"))
        assert [one.text for one in notes.documents] == expected


@pytest.mark.parametrize(
    ("keys", "is_read"),
    [("code: 72514-3, system: loinc", True), ("code: OTHER", False), ("type: GR", True), ("type: RE", False)],
)
def test_a_row_may_name_the_result_and_the_type(
    read: Read, site: Callable[[str], MappingPack], keys: str, *, is_read: bool
) -> None:
    notes = Reader()
    read(OBR, PAIN, NTE, notes=notes, using=site(f"notes: {{comments: [{{below: result, {keys}}}]}}"))
    assert bool(notes.documents) == is_read


@pytest.mark.parametrize("lines", [(PAIN.replace("|F|", "|W|"), NTE), (PAIN.replace("|F|", "|C|"),)])
def test_a_result_taken_back_or_corrected_without_its_comment_takes_the_note_back(
    read: Read, site: Callable[[str], MappingPack], lines: tuple[str, ...]
) -> None:
    notes = Reader()
    (note,) = notes_of(read(OBR, *lines, notes=notes, using=site(RESULT)))

    assert (note.key, note.is_deleted, notes.documents) == ("site|document|n1|comment|72514-3|", True, [])
    assert note.group is not None
    assert note.group.replaces


def test_comments_of_equal_results_stay_apart(read: Read, site: Callable[[str], MappingPack]) -> None:
    keys = [
        fact.key for fact in notes_of(read(OBR, PAIN, NTE, PAIN, NTE, notes=Reader(), using=site(RESULT)))
    ]
    assert keys == ["site|document|n1|comment|72514-3|", "site|document|n1|comment|72514-3|#2"]
