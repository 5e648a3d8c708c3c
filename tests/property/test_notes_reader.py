"""Laws of note reading: nothing crashes it, spans are exact, and long text costs in proportion."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.notes.lexicon import parse_lexicon
from worker.notes.lexicon_reader import LexiconReader
from worker.notes.reader import NoteDocument
from worker.notes.text import split_sentences

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
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map(" ".join)


@given(texts)
def test_no_text_crashes_the_reader_and_every_span_is_exact(text: str) -> None:
    for _, said in READER.read(NoteDocument("d", text, text)).assertions:
        assert said.span is not None
        first, after = said.span
        assert 0 <= first < after <= len(text)
        assert text[first:after] in said.sentence
        assert said.sentence in text


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
