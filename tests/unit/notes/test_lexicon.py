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


def test_a_phrase_names_a_class_of_words_that_a_site_can_widen() -> None:
    files = {
        "notes/words.yaml": "words:\n  - {id: gone, any: [gone, 'no longer there']}\n",
        "notes/findings.yaml": "findings:\n  - {id: vision, phrases: ['vision|sight @gone']}\n",
    }
    site = {"notes/words.yaml": "words:\n  - {id: gone, any: [weg]}\n"}
    assert stated([files], "Sight no longer there.") == ["vision"]
    assert stated([files, site], "Sight weg.") == ["vision"]
    assert stated([files, site], "Sight gone.") == []


def test_an_unknown_class_is_told_with_its_place() -> None:
    files = {"notes/findings.yaml": "findings:\n  - {id: a, phrases: ['not @here']}\n"}
    with pytest.raises(PackError, match=r"notes/findings\.yaml:2:\d+: .*class 'here'"):
        parse_lexicon(files)
    with pytest.raises(PackError, match=r"notes/words\.yaml:2:\d+: .*class 'b'"):
        parse_lexicon({"notes/words.yaml": "words:\n  - {id: a, any: ['@b']}\n"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Leg very weak.", ["weakness"]),
        ("Weak, leg well.", []),
        ("Leg propped on a large soft pillow, weak.", []),
        ("Leg on a large soft blue pillow and weak.", []),
        ("Leg bag empty and weak.", []),
    ],
)
def test_a_phrase_counts_only_near_its_group(text: str, expected: list[str]) -> None:
    files = {
        "notes/findings.yaml": "findings:\n"
        "  - {id: weakness, near: {group: leg, reach: segment, within: 5, phrases: [weak]}}\n",
        "notes/context.yaml": "groups:\n  - {id: leg, phrases: [leg], not: [leg bag]}\n",
    }
    assert stated([files], text) == expected


def test_a_qualifier_may_look_ahead_only_and_has_phrases_that_only_look_like_it() -> None:
    files = {
        **BASE,
        "notes/context.yaml": "qualifiers:\n  - {id: q, side: before, phrases: [worse], not: ['no worse']}\n",
    }
    reader = LexiconReader(compile_lexicon([files]))

    def qualifiers(text: str) -> list[tuple[str, ...]]:
        return [said.qualifiers for _, said in reader.read(NoteDocument("d", "", text)).assertions]

    assert qualifiers("worse fever") == [("q",)]
    assert qualifiers("fever worse") == [()]
    assert qualifiers("no worse fever") == [()]


def test_a_colon_between_the_words_of_a_phrase_does_not_count() -> None:
    table: PhraseTable[str] = PhraseTable()
    table.add("neck supple", "supple")
    assert [hit.after for hit in table.find_all(words_of("Neck: supple, neck, supple"))] == [3]
