"""Why a finding was given its status."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from worker.notes.explain import Explained
from worker.notes.lexicon import Lexicon
from worker.notes.lexicon_reader import LexiconReader
from worker.notes.reader import NoteDocument


@pytest.fixture(scope="module")
def reader(lexicon: Lexicon) -> LexiconReader:
    return LexiconReader(lexicon)


def explained(reader: LexiconReader, text: str, finding: str) -> Explained:
    return next(one for one in reader.explain(NoteDocument("", "", text)) if one.finding == finding)


@pytest.mark.parametrize(
    ("text", "finding", "by", "words"),
    [
        ("Denies headache.", "headache", "cue", "denies"),
        ("Drowsy.", "drowsiness", "nothing", ""),
        ("?confusion overnight", "confusion", "question-mark", ""),
        ("Any leg weakness? No.", "leg-weakness", "next-sentence", ""),
        ("Return precautions:\nfever\n", "fever-finding", "section", "Return precautions"),
        ("Come back if you have:\n- fever\n- headache\n", "headache", "list", ""),
        ("Afebrile.", "fever-finding", "normal", ""),
        ("Return if no better and headache.", "headache", "cue", "return if"),
        ("Mother had a seizure last year.", "seizure", "cue", "mother had"),
        ("Both legs numb, perhaps the saddle too.", "saddle-numbness", "cue", "perhaps"),
    ],
)
def test_the_deciding_reason_comes_first(
    reader: LexiconReader, text: str, finding: str, by: str, words: str
) -> None:
    first = explained(reader, text, finding).reasons[0]
    assert (first.by, first.words) == (by, words)
    assert str(first)


def test_the_deciding_reason_gives_the_status(reader: LexiconReader) -> None:
    one = explained(reader, "If fever is denied, go home.", "fever-finding")
    assert one.said.status is one.reasons[0].status
    assert {reason.words for reason in one.reasons} >= {"if"}


def test_what_the_next_sentence_adds_is_told(reader: LexiconReader) -> None:
    one = explained(reader, "Headache since noon. Worse on standing.", "positional-headache")
    assert one.reasons[-1].by == "remark"


def test_every_wording_is_explained_as_it_is_read(reader: LexiconReader) -> None:
    data = YAML(typ="safe").load((Path(__file__).parent / "wordings.yaml").read_text(encoding="utf-8"))
    texts = [text for by in data.values() if isinstance(by, dict) for each in by.values() for text in each]
    for text in texts:
        document = NoteDocument("", "", text)
        told = reader.explain(document)
        assert tuple((one.finding, one.said) for one in told) == reader.read(document).assertions
        assert {one.said.span for one in told if not one.reasons} == set()
