"""Laws of note reading.

Nothing crashes it, spans are exact, long text costs in proportion; case, white space and a sentence of something else do not
matter, and a denial takes a finding away.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from worker.notes.lexicon import Mention, parse_lexicon
from worker.notes.lexicon_reader import LexiconReader
from worker.notes.reader import NoteDocument
from worker.notes.text import split_sentences, words_of

FOLDER = Path(__file__).resolve().parents[2] / "mappings" / "notes"
LEXICON = parse_lexicon({f"notes/{path.name}": path.read_text() for path in sorted(FOLDER.glob("*.yaml"))})
READER = LexiconReader(LEXICON)

PIECES = [
    "no",
    "fever",
    "?",
    ":",
    "\n",
    "- ",
    "but",
    "if",
    "leg weakness",
    "HISTORY:",
    "LP performed",
    "3/10",
    ". ",
    "; ",
    "’",
    "ß",
    "\r\n",
    "",
    "mother had",
]
ODD = ["\x00", "\ud800", "\u200b", "\u202e", "e\u0301", "\u00ad", "\u2028", "İ", "ǅ", "[]", "&", "+VE", "(-)"]
characters = st.text(st.characters(), max_size=5)  # surrogates, too
texts = st.lists(st.sampled_from(PIECES + ODD) | characters, max_size=30).map(" ".join)

WORDINGS = yaml.load(
    (FOLDER.parents[1] / "tests" / "unit" / "notes" / "wordings.yaml").read_text(encoding="utf-8"),
    Loader=yaml.CSafeLoader,
)
SENTENCES = [
    text
    for by_status in WORDINGS.values()
    if isinstance(by_status, dict)
    for worded in by_status.values()
    for text in worded
]
UNRELATED = [
    "Observations stable overnight.",
    "Family updated at the bedside.",
    "Bloods sent, results awaited.",
]
NOUNS = [
    "headache",
    "fever",
    "leg weakness",
    "back pain",
    "neck stiffness",
    "photophobia",
    "double vision",
    "seizures",
]
DENIALS = ["No {}.", "Denies {}.", "There is no evidence of {}.", "{}: nil.", "Denies rash, {} and pruritus."]


def stated(text: str) -> set[tuple[str, str, tuple[str, ...]]]:
    """Return what a text states: finding, status, qualifiers."""
    said = READER.read(NoteDocument("d", "", text)).assertions
    return {(finding, str(one.status), one.qualifiers) for finding, one in said}


@given(texts)
def test_no_text_crashes_the_reader_and_every_span_is_exact(text: str) -> None:
    for _, said in READER.read(NoteDocument("d", text, text)).assertions:
        assert said.span is not None
        first, after = said.span
        assert 0 <= first < after <= len(text)
        assert said.phrase is not None
        assert said.sentence[slice(*said.phrase)] == text[first:after]
        assert said.sentence in text


@given(texts | st.sampled_from(SENTENCES))
def test_the_characters_of_a_span_are_a_phrase_of_a_finding(text: str) -> None:
    for _, said in READER.read(NoteDocument("d", "", text)).assertions:
        assert said.span is not None
        words = words_of(text[slice(*said.span)])
        hit = LEXICON.statements.first_of(words)
        assert hit is not None
        assert hit.after == len(words)
        assert any(isinstance(meaning, Mention) for meaning in hit.meanings)


@pytest.mark.parametrize("other", UNRELATED)
def test_a_sentence_of_something_else_changes_nothing(other: str) -> None:
    assert [text for text in SENTENCES if stated(f"{other}\n{text}\n{other}") != stated(text)] == []


@pytest.mark.parametrize("space", ["  ", " \t ", "\u00a0"])
def test_white_space_does_not_matter(space: str) -> None:
    assert [text for text in SENTENCES if stated(text.replace(" ", space)) != stated(text)] == []


def test_case_does_not_matter() -> None:
    assert [text for text in SENTENCES if stated(text.upper()) != stated(text)] == []


@given(st.sampled_from(NOUNS), st.sampled_from(DENIALS))
def test_a_denial_takes_a_finding_away(noun: str, denial: str) -> None:
    present = {finding for finding, status, _ in stated(noun.capitalize()) if status == "present"}
    denied = {(finding, status) for finding, status, _ in stated(denial.format(noun))}
    assert present
    assert {(finding, "absent") for finding in present} <= denied
    assert not {status for finding, status in denied if finding in present} - {"absent"}


@given(texts)
def test_every_assertion_is_explained_as_it_is_read(text: str) -> None:
    told = READER.explain(NoteDocument("d", text, text))
    assert (
        tuple((one.finding, one.said) for one in told)
        == READER.read(NoteDocument("d", text, text)).assertions
    )
    for one in told:
        assert one.reasons[0].by == "normal" or one.reasons[0].status is one.said.status


@given(texts)
def test_sentences_keep_every_character_that_is_not_white(text: str) -> None:
    kept = "".join(sentence.text for sentence in split_sentences(text))
    assert "".join(kept.split()) == "".join(text.split())


@pytest.mark.parametrize(
    "piece",
    ["no\nfever ", "? ", "a: ", "HISTORY ", "\n", "1. ", "leg ", "mother had ", "\r\n ", "if fever but "],
)
def test_hostile_text_costs_in_proportion_to_its_length(piece: str) -> None:
    # Each is read within the time limit of the suite; a quadratic reader would need minutes.
    text = (piece * 20_000)[:20_000]
    READER.read(NoteDocument("d", "", text))
