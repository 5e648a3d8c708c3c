"""Rows that ask of one concept each, and notes without labels. Invented sentences."""

from __future__ import annotations

import pytest

from worker.model.errors import PackError
from worker.notes.background import evaluate_background, is_background, parse_background
from worker.notes.concept_rows import HEADER, ConceptJudge, ConceptRow, evaluate_rows, parse_rows
from worker.notes.lexicon import Lexicon
from worker.notes.lexicon_reader import LexiconReader

FIRST = f"{HEADER}sentence\tnegation\ttemporality\texperiencer\n"


def row(concept: str, text: str) -> ConceptRow:
    return ConceptRow("1", concept, text, is_negated=False, is_historical=False, is_family=False)


@pytest.mark.parametrize(
    ("concept", "text", "axes"),
    [
        ("oedema", "There is no cyanosis or OEDEMA.", {"negated"}),
        ("gout", "History of GOUT.", {"historical"}),
        ("gout", "Mother has GOUT.", {"family"}),
        ("gout", "No history of asthma or past GOUT.", {"negated", "historical"}),
        ("chest pain", "Chest pain at home, now no CHEST   PAIN.", {"negated"}),
        ("shock", "No shock-like state but SHOCK now.", set()),
        ("headache", "Denies HEADACHE.", {"negated"}),
    ],
)
def test_a_concept_is_judged_by_the_words_around_it(
    lexicon: Lexicon, concept: str, text: str, axes: set[str]
) -> None:
    judged = ConceptJudge(lexicon)(row(concept, text))
    told = {"negated": judged.is_negated, "historical": judged.is_historical, "family": judged.is_family}
    assert judged.is_found
    assert {axis for axis, is_so in told.items() if is_so} == axes


@pytest.mark.parametrize("concept", ["sepsis", "", "..."])
def test_a_concept_that_is_not_in_its_sentence_stands_as_stated(lexicon: Lexicon, concept: str) -> None:
    judged = ConceptJudge(lexicon)(row(concept, "No gout."))
    assert not judged.is_found
    assert not judged.is_negated


def test_rows_are_counted_on_each_axis(lexicon: Lexicon) -> None:
    text = (
        FIRST
        + "1\tgout\tNo GOUT.\tNegated\tRecent\tPatient\n"
        + '2\tgout\tGOUT "now".\tNegated\tHistorical\tPatient\n'
        + "3\tgout\tPrevious GOUT.\tAffirmed\tNot particular\tPatient\n"
    )
    found = evaluate_rows(ConceptJudge(lexicon), parse_rows(text, "rows.txt"))
    negated, historical = found.scores["negated"], found.scores["historical"]
    assert (found.rows, negated.right, negated.extra, negated.missed) == (3, 1, 0, 1)
    assert (historical.right, historical.extra, historical.missed) == (0, 0, 1)
    assert [label for label, _ in found.differences] == ["negated missed", "historical missed"]


def test_a_row_without_all_columns_is_refused_with_its_line() -> None:
    with pytest.raises(PackError, match=r"^rows\.txt:2:1: has 2 columns"):
        parse_rows(f"{FIRST}1\tgout\n", "rows.txt")


def test_of_notes_without_labels_what_could_fire_is_collected(lexicon: Lexicon) -> None:
    text = 'ID,section_text\n0,"No fever.\nNumb legs."\n1,"Presenting complaint: headache."\n'
    assert is_background(text)
    found = evaluate_background(LexiconReader(lexicon), parse_background(text, "notes.csv"))
    assert [(one.id, one.finding, one.sentence) for one in found.heard] == [("1", "numbness", "Numb legs.")]
    assert (found.notes, found.per_thousand) == (2, 500.0)


def test_a_note_without_text_is_refused() -> None:
    with pytest.raises(PackError, match=r"^notes\.csv:2:1: has no section_text"):
        parse_background("ID,section_text\n0\n", "notes.csv")
