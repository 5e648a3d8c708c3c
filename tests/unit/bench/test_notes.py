"""What the notes benchmark is made of."""

from __future__ import annotations

from bench.notes.texts import make_notes, phrases_for_peers

DATA = {"headache": {"present": ["Headache."], "absent": ["No headache."]}, "nothing": ["Light diet."]}


def test_notes_are_of_about_a_kilobyte_and_the_same_in_every_run() -> None:
    notes = make_notes(DATA, 20)
    assert notes == make_notes(DATA, 20)
    assert all(1_000 <= len(text) + 1 < 1_100 for text in notes)
    assert any("No headache." in text for text in notes)


def test_peers_get_a_phrase_for_each_finding() -> None:
    assert phrases_for_peers({**DATA, "leg-weakness": {}}) == ["headache", "leg weakness"]
