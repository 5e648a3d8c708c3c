"""The page on note reading says what its history says."""

from __future__ import annotations

from tools.notes_evaluation import PAGE, page


def test_the_page_is_written_from_the_history_of_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tools/notes_evaluation.py"
