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
        ("LUMBAR PUNCTURE\nSecond attempt at L4/5 successful.", NotePuncture(COMPLETED, 2)),
        (
            "LP: first attempt at L3/4 unsuccessful, second attempt at L4/5 successful.",
            NotePuncture(COMPLETED, 2),
        ),
        ("Attempted LP unsuccessful, registrar succeeded on the second attempt.", NotePuncture(COMPLETED, 2)),
        ("LP attempted x3 without success.", NotePuncture(ATTEMPTED, 3)),
        ("LP attempted x 2, dry taps.", NotePuncture(ATTEMPTED, 2)),
        ("LP abandoned after three passes.", NotePuncture(ATTEMPTED, 3)),
        ("LP at L3/4 abandoned.", NotePuncture(ATTEMPTED)),
        ("LP was abandoned.", NotePuncture(ATTEMPTED)),
        ("LP: multiple attempts, unsuccessful.", NotePuncture(ATTEMPTED)),
        ("Unable to perform LP.", NotePuncture(ATTEMPTED)),
        ("LP refused.", NotePuncture(CANCELLED)),
        ("Refuses LP.", NotePuncture(CANCELLED)),
        ("No LP performed.", NotePuncture(CANCELLED)),
        ("LP contraindicated.", NotePuncture(CANCELLED)),
        ("LP deferred, platelets low.", NotePuncture(CANCELLED)),
        ("LP deferred this morning. Platelets given, then LP: clear CSF obtained.", NotePuncture(COMPLETED)),
        ("Repeat LP performed.", NotePuncture(COMPLETED)),
        ("LP at 14:30, CSF clear.", NotePuncture(COMPLETED, clock=(14, 30))),
        ("Lumbar puncture performed at 2.30 pm.", NotePuncture(COMPLETED, clock=(14, 30))),
        ("LP done at 1430h.", NotePuncture(COMPLETED, clock=(14, 30))),
        ("LP done at 2pm.", NotePuncture(COMPLETED, clock=(14, 0))),
        ("LP performed. Time of procedure: 09:05", NotePuncture(COMPLETED, clock=(9, 5))),
        ("LP performed, started 14:10, finished at 14:35.", NotePuncture(COMPLETED, clock=(14, 35))),
        ("LP performed at L3/4.", NotePuncture(COMPLETED)),
        ("LP performed at 25:70.", NotePuncture(COMPLETED)),
        ("LP performed, discharge at 18:00.", NotePuncture(COMPLETED)),
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
        "LP performed in 2019.",
        "LP last year.",
        "LP planned.",
        "LP booked for 14:30.",
        "LP scheduled at 14:30.",
        "LP not yet done.",
        "LP pending.",
        "Consented for LP at 14:30.",
        "For repeat LP at 14:30.",
        "Had LP last Monday.",
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
