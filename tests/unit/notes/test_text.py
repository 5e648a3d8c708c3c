"""Sentences, words, sections."""

from __future__ import annotations

import pytest

from worker.notes.lexicon import Lexicon
from worker.notes.sections import find_sections
from worker.notes.text import LONGEST_SENTENCE, split_sentences, split_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Temp 38.4 at 3/10; stable", ["Temp 38.4 at 3/10;", "stable"]),
        ("Seen by Dr. Grey. Well.", ["Seen by Dr. Grey.", "Well."]),
        ("Query MS. Seen by Ms. Grey.", ["Query MS.", "Seen by Ms. Grey."]),
        ("1. Fever\n2. Headache", ["1. Fever", "2. Headache"]),
        ("Denies\nheadache", ["Denies\nheadache"]),
        ("Denies\r\nheadache\r\nWell", ["Denies\r\nheadache", "Well"]),
        ("Well\nHeadache", ["Well", "Headache"]),
        ("Return if:\nfever", ["Return if:", "fever"]),
        ("- well\n- fed", ["- well", "- fed"]),
        ("? stroke ?tumour really? Yes", ["? stroke ?tumour really?", "Yes"]),
        ("", []),
    ],
)
def test_text_is_cut_into_sentences(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == expected


def test_a_sentence_without_an_end_is_cut() -> None:
    sentences = split_sentences("word " * 1_000)
    assert max(len(sentence.text) for sentence in sentences) <= LONGEST_SENTENCE + len("word")
    assert "".join(sentence.text.replace(" ", "") for sentence in sentences) == "word" * 1_000


def test_words_are_compared_in_lower_case_without_hyphens() -> None:
    text = "Non-blanching RASH & he can’t (3/10)"
    words = split_words(text)
    assert [word.text for word in words if not word.is_mark] == [
        *("non", "blanching", "rash", "and", "he", "can't", "3", "10")
    ]
    assert all(0 <= word.start < word.end <= len(text) for word in words)


def test_scores_out_of_ten_are_found() -> None:
    (sentence,) = split_sentences("Pain 5/10, was 10 / 10, 12/10 and 3/100 on 3/10/2026")
    assert [score for _, score in sentence.scores] == [5, 10, 3]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well.", [("Well.", "neutral")]),
        ("HISTORY: fever. PLAN: await", [(" fever. ", "baseline"), (" await", "neutral")]),
        ("Family history\nfits\n\nWell", [("\nfits\n", "family"), ("\nWell", "neutral")]),
        ("The plan is rest", [("The plan is rest", "neutral")]),
        ("CONSENT: risks\nOTHER WORDS: x", [(" risks\n", "hypothetical"), ("OTHER WORDS: x", "neutral")]),
        ("History: pain: bad\nSite: knee", [(" pain: bad\nSite: knee", "baseline")]),
        ("History: fits\nAddendum day 2: well", [(" fits\n", "baseline"), (" well", "neutral")]),
        ("History: fits\nUpdate 06/01 at 14:30: well", [(" fits\n", "baseline"), (" well", "neutral")]),
        ("History: fits\nProgress on 7 Jan - well", [(" fits\n", "baseline"), ("well", "neutral")]),
        ("History: fits\nReview 2nd day\nwell", [(" fits\n", "baseline"), ("\nwell", "neutral")]),
        ("History: fits\nReview 3 visits: well", [(" fits\nReview 3 visits: well", "baseline")]),
        ("History: fits\nReview day 3 is due - well", [(" fits\nReview day 3 is due - well", "baseline")]),
        ("History: fits\nExamination - well", [(" fits\nExamination - well", "baseline")]),
    ],
)
def test_headings_part_a_note_into_sections(
    lexicon: Lexicon, text: str, expected: list[tuple[str, str]]
) -> None:
    sections = [(text[part.start : part.end], part.kind) for part in find_sections(text, lexicon)]
    assert [(body, kind) for body, kind in sections if body] == expected
