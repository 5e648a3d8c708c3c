"""Lexicon files: layers, errors with their place, phrases written out."""

from __future__ import annotations

import pytest

from worker.model.errors import PackError
from worker.notes.lexicon import compile_lexicon, parse_lexicon
from worker.notes.lexicon_reader import LexiconReader
from worker.notes.phrases import PhraseTable, expand
from worker.notes.reader import NoteDocument
from worker.notes.text import words_of

BASE = {
    "notes/findings.yaml": "findings:\n  - {id: fever-finding, phrases: [fever]}\n  - {id: confusion, phrases: [confused]}\n"
}


def stated(layers: list[dict[str, str]], text: str) -> list[str]:
    reader = LexiconReader(compile_lexicon(layers))
    return [finding for finding, _ in reader.read(NoteDocument("d", "", text)).assertions]


def test_an_entry_of_a_later_layer_replaces_that_of_the_same_id() -> None:
    site = {"notes/findings.yaml": "findings:\n  - {id: fever-finding, phrases: [Fieber]}\n"}
    assert stated([BASE, site], "fieber, fever, confused") == ["fever-finding", "confusion"]
    assert stated([BASE, site], "fever") == []


def test_a_disabled_entry_is_removed() -> None:
    site = {"notes/findings.yaml": "findings:\n  - {id: fever-finding, disabled: true}\n"}
    assert stated([BASE, site], "fever, confused") == ["confusion"]


def test_files_of_other_folders_are_left_alone() -> None:
    assert stated([BASE, {"rules/a.yaml": "::"}], "fever") == ["fever-finding"]


def test_a_pack_without_phrases_reads_nothing() -> None:
    assert stated([{}], "fever. LP performed.") == []


def test_all_errors_are_told_with_their_place() -> None:
    files = {
        "notes/findings.yaml": "findings:\n  - {id: a, phrases: ['x|']}\n  - {id: a, near: {group: nowhere, phrases: [b]}}\n",
        "notes/context.yaml": "qualifiers:\n  - {id: q, phrases: ['y?'], of: [nothing]}\ncues: 5\n",
        "notes/sections.yaml": "sections:\n  - {kind: baseline, headings: ['a?']}\n",
    }
    with pytest.raises(PackError) as failed:
        parse_lexicon(files)
    lines = str(failed.value).splitlines()
    assert any(line.startswith("notes/findings.yaml:3:") and "stands twice" in line for line in lines)
    assert any(line.startswith("notes/findings.yaml:3:") and "group 'nowhere'" in line for line in lines)
    assert any(line.startswith("notes/context.yaml:3:") for line in lines)
    assert any(
        line.startswith("notes/sections.yaml:2:") and "no word that must stand" in line for line in lines
    )


def test_a_phrase_is_written_out_into_all_its_forms() -> None:
    assert set(expand("weak right|left? leg|legs")) == {
        ("weak", "right", "leg"),
        ("weak", "left", "leg"),
        ("weak", "leg"),
        ("weak", "right", "legs"),
        ("weak", "left", "legs"),
        ("weak", "legs"),
    }
    assert expand("non-blanching R/O") == (("non", "blanching", "r", "o"),)


@pytest.mark.parametrize("phrase", ["", "a?", "a? b?", "a||b", "...", " ".join(["a|b|c|d"] * 7)])
def test_a_phrase_without_a_word_or_with_too_many_forms_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match=r"word|choice|sequences"):
        expand(phrase)


def test_the_longest_phrase_at_a_place_is_found() -> None:
    table: PhraseTable[str] = PhraseTable()
    for phrase in ("no", "no signs of", "signs"):
        table.add(phrase, phrase)
    words = words_of("No signs of signs, no.")
    assert [hit.meanings for hit in table.find(words)] == [("no signs of",), ("signs",), ("no",)]
    assert [hit.first for hit in table.find_all(words)] == [0, 1, 3, 5]
