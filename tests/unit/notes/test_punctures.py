"""What notes document of a lumbar puncture."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.model.fact import PunctureStatus
from worker.notes.reader import NotePuncture, NoteReading

Read = Callable[..., NoteReading]

COMPLETED, ATTEMPTED, CANCELLED = PunctureStatus.COMPLETED, PunctureStatus.ATTEMPTED, PunctureStatus.CANCELLED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lumbar puncture performed", NotePuncture(COMPLETED)),
        (
            "PROCEDURE: LUMBAR PUNCTURE\nIndication: query MS. 22G Quincke, L3/4, two attempts.\nClear CSF.",
            NotePuncture(COMPLETED, 2),
        ),
        ("LP performed at L4/5, traumatic tap, on enoxaparin", NotePuncture(COMPLETED, is_traumatic=True)),
        ("LP done with an atraumatic needle, 1 pass.", NotePuncture(COMPLETED, 1)),
        ("LP abandoned after 3 attempts, NOT obtained", NotePuncture(ATTEMPTED, 3)),
        ("LP attempted, no CSF obtained", NotePuncture(ATTEMPTED)),
        ("Spinal tap: dry tap.", NotePuncture(ATTEMPTED)),
        ("LP: 2 failed attempts at L4/5, then successful at L3/4.", NotePuncture(COMPLETED, 2)),
        ("LP: third attempt, bloody tap.", NotePuncture(COMPLETED, 3, is_traumatic=True)),
        ("LP abandoned before skin puncture.", NotePuncture(CANCELLED)),
        ("Lumbar puncture cancelled, platelets too low.", NotePuncture(CANCELLED)),
        ("LP performed. No traumatic tap.", NotePuncture(COMPLETED, is_traumatic=False)),
        ("LUMBAR PUNCTURE\nThree attempts.", NotePuncture(COMPLETED, 3)),
        ("LUMBAR PUNCTURE\nAttempts: 3\nLevel: L3/4", NotePuncture(COMPLETED, 3)),
        ("LUMBAR PUNCTURE\nNumber of passes: two", NotePuncture(COMPLETED, 2)),
        ("LUMBAR PUNCTURE\nThree attempts. Dry tap.", NotePuncture(ATTEMPTED, 3)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_note_documents_an_lp(read: Read, text: str, expected: NotePuncture) -> None:
    assert read(text).puncture == expected


@pytest.mark.parametrize(
    "text",
    [
        "LP planned for tomorrow.",
        "LP to be performed today.",
        "If LP performed elsewhere, please call.",
        "LP performed yesterday, headache since.",
        "Previous LP performed in 2019.",
        "Headache since the LP.",
        "Consent for lumbar puncture obtained.",
        "Two attempts at cannulation, not obtained.",
        "Cannulation. Two attempts. LP to follow.",
        "Previous LP in 2019. Three attempts.",
        "",
    ],
)
def test_a_note_of_another_lp_or_of_none_documents_none(read: Read, text: str) -> None:
    assert read(text).puncture is None


def test_a_title_can_name_the_lp(read: Read) -> None:
    assert read("Opening pressure 18.", "Lumbar puncture procedure note").puncture == NotePuncture(COMPLETED)
    assert read("Opening pressure 18.").puncture is None


def test_absurd_counts_are_not_taken(read: Read) -> None:
    assert read("LP performed, 4711 attempts").puncture == NotePuncture(COMPLETED)
