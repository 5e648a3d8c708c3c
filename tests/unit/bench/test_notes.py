"""What the notes benchmark is made of."""

from __future__ import annotations

from bench.notes.lengths import SHAPES
from bench.notes.texts import cut_notes, make_notes, phrases_for_peers

DATA = {"headache": {"present": ["Headache."], "absent": ["No headache."]}, "nothing": ["Light diet."]}


def test_notes_are_of_about_a_kilobyte_and_the_same_in_every_run() -> None:
    notes = make_notes(DATA, 20)
    assert notes == make_notes(DATA, 20)
    assert all(1_000 <= len(text) + 1 < 1_100 for text in notes)
    assert any("No headache." in text for text in notes)


def test_peers_get_a_phrase_for_each_finding() -> None:
    assert phrases_for_peers({**DATA, "leg-weakness": {}}) == ["headache", "leg weakness"]


def test_longer_texts_are_cut_into_notes_of_a_kilobyte() -> None:
    assert [len(text) for text in cut_notes(["word " * 300, "more " * 300], 5)] == [1_000, 1_000, 1_000]
    assert len(cut_notes(["word " * 300, "more " * 300], 2)) == 2


def test_texts_of_every_shape_are_as_long_as_asked() -> None:
    assert {len(text_of(1_000)) for text_of in SHAPES.values()} == {1_000}
