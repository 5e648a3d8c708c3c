"""Read whether and how a note documents a lumbar puncture (LP). Pure: no I/O, no clock.

A sentence that tells of another LP or of none yet ("LP planned for tomorrow", "previous LP") says nothing. Rows of the lexicon
are tried in their order: one abandoned before the needle is no LP, fluid after failed attempts is one. A note whose title
or first sentence names the LP and that counts attempts, and says no more, documents one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.fact import PunctureStatus
from worker.notes.reader import NotePuncture
from worker.notes.text import MARKS, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.notes.lexicon import Lexicon, PunctureTables
    from worker.notes.text import Sentence

_MOST_ATTEMPTS = 20
_WORDS_BEFORE = 2


def read_puncture(title: str, sentences: Iterable[Sentence], lexicon: Lexicon) -> NotePuncture | None:
    """Return what a note documents of an LP by its title and sentences, None where it documents none."""
    tables = lexicon.punctures
    different = list({sentence.text: sentence for sentence in sentences}.values())
    telling = [_plain(sentence.words) for sentence in different if _may_tell(sentence.words, tables)]
    told = [
        words for words in (_plain(words_of(title)), *telling) if words and not _is_elsewhere(words, tables)
    ]
    row = _row(told, tables)
    passes = _passes(told, tables)
    if row is not None:
        return NotePuncture(tables.statuses[row], passes, _is_traumatic(told, tables))
    heads = [_plain(words_of(title)), *(_plain(sentence.words) for sentence in different[:1])]
    if passes is None or not _names_lp([head for head in heads if not _is_elsewhere(head, tables)], tables):
        return None
    return NotePuncture(PunctureStatus.COMPLETED, passes, _is_traumatic(told, tables))


def _may_tell(words: Sequence[str], tables: PunctureTables) -> bool:
    """Tell whether a sentence may say anything of an LP; most sentences do not."""
    return (
        not tables.attempt_words.isdisjoint(words)
        or tables.names.may_be_in(words)
        or tables.rows.may_be_in(words)
        or tables.trauma.may_be_in(words)
    )


def _plain(words: Sequence[str]) -> list[str]:
    """Leave punctuation out: "PROCEDURE: LUMBAR PUNCTURE"."""
    return [word for word in words if word not in MARKS]


def _is_elsewhere(words: Sequence[str], tables: PunctureTables) -> bool:
    return any(tables.elsewhere.find_all(words))


def _row(told: Sequence[Sequence[str]], tables: PunctureTables) -> str | None:
    """Return the first row of the lexicon that the note fits; phrases do not overlap: "no CSF obtained" is one of its own."""
    names_lp = _names_lp(told, tables)
    forms = {form for words in told for hit in tables.rows.find(words) for form in hit.meanings}
    rows = {form.row for form in forms if names_lp or not form.needs_name}
    return next((row for row in tables.order if row in rows), None)


def _names_lp(told: Sequence[Sequence[str]], tables: PunctureTables) -> bool:
    return any(True for words in told for _ in tables.names.find_all(words))


def _passes(told: Sequence[Sequence[str]], tables: PunctureTables) -> int | None:
    """Return the highest number of attempts that is stated: "3 failed attempts", "second pass", "Attempts: 3"."""
    stated = [
        count
        for words in told
        for at, word in enumerate(words)
        if word in tables.attempt_words
        if (count := _number_beside(words, at, tables)) is not None
    ]
    return max(stated, default=None)


def _number_beside(words: Sequence[str], at: int, tables: PunctureTables) -> int | None:
    """Return the nearest number among the words just before a place, else behind it: in "L3/4, two attempts" it is two."""
    near = [*reversed(words[max(0, at - _WORDS_BEFORE) : at]), *words[at + 1 : at + 2]]
    counts = [_number(word, tables) for word in near]
    return next((count for count in counts if count is not None), None)


def _number(word: str, tables: PunctureTables) -> int | None:
    if word.isascii() and word.isdigit():
        count = int(word) if len(word) <= _WORDS_BEFORE else 0
        return count if 0 < count <= _MOST_ATTEMPTS else None
    return tables.numbers.get(word)


def _is_traumatic(told: Sequence[Sequence[str]], tables: PunctureTables) -> bool | None:
    said = [meaning for words in told for hit in tables.trauma.find(words) for meaning in hit.meanings]
    return any(said) if said else None
