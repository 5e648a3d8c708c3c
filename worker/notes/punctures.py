"""Read whether and how a note documents a lumbar puncture (LP). Pure: no I/O, no clock.

A sentence that tells of another LP or of none yet ("LP planned for tomorrow", "previous LP") says nothing. Rows of the lexicon
are tried in their order: one abandoned before the needle is no LP, fluid after failed attempts is one. A note whose title
or first sentence names the LP and that counts attempts, and says no more, documents one. Of several times of day the last
counts ("started at 14:10, finished at 14:35"): windows count from the end.
"""

from __future__ import annotations

import re
from itertools import pairwise
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
_TIMES = re.compile(r"x(\d{1,2})")
_OF_A_YEAR = frozenset({"in", "since", "from", "during"})
_YEAR = re.compile(r"(?:19|20)\d\d")
_HOUR, _MINUTE = 24, 60
_NOON = 12
_TOGETHER = re.compile(r"(\d\d)(\d\d)(?:h|hrs|hours)?")
_ON_THE_HOUR = re.compile(r"(\d{1,2})(am|pm)")
_HALVES = frozenset({"am", "pm"})


def read_puncture(title: str, sentences: Iterable[Sentence], lexicon: Lexicon) -> NotePuncture | None:
    """Return what a note documents of an LP by its title and sentences, None where it documents none."""
    tables = lexicon.punctures
    different = list({sentence.text: sentence for sentence in sentences}.values())
    written = (words_of(title), *(one.words for one in different if _may_tell(one.words, tables)))
    here = [words for words in written if words and not _is_elsewhere(_plain(words), tables)]
    told = [_plain(words) for words in here]
    row = _row(told, tables)
    passes = _passes(told, tables)
    clock = _clock(here, tables)
    if row is not None:
        return NotePuncture(tables.statuses[row], passes, _is_traumatic(told, tables), clock)
    heads = [_plain(words_of(title)), *(_plain(sentence.words) for sentence in different[:1])]
    if passes is None or not _names_lp([head for head in heads if not _is_elsewhere(head, tables)], tables):
        return None
    return NotePuncture(PunctureStatus.COMPLETED, passes, _is_traumatic(told, tables), clock)


def may_document(title: str, words: Iterable[str], lexicon: Lexicon) -> bool:
    """Tell whether a note with these words may document an LP: only one that counts attempts or has a phrase of a row does."""
    tables = lexicon.punctures
    written = [*words_of(title), *words]
    if not tables.attempt_words.isdisjoint(written):
        return True
    return tables.rows.may_be_in(written) and bool(tables.rows.find_all(_plain(written)))


def _may_tell(words: Sequence[str], tables: PunctureTables) -> bool:
    """Tell whether a sentence may say anything of an LP; most sentences do not."""
    return (
        not tables.attempt_words.isdisjoint(words)
        or tables.names.may_be_in(words)
        or tables.rows.may_be_in(words)
        or tables.trauma.may_be_in(words)
        or tables.timed.may_be_in(words)
    )


def _plain(words: Sequence[str]) -> list[str]:
    """Leave punctuation out: "PROCEDURE: LUMBAR PUNCTURE"."""
    return [word for word in words if word not in MARKS]


def _is_elsewhere(words: Sequence[str], tables: PunctureTables) -> bool:
    """Tell whether a sentence is of another LP or of none yet: by its words, or by the year that it names ("in 2019")."""
    return bool(tables.elsewhere.find_all(words)) or any(
        before in _OF_A_YEAR and _YEAR.fullmatch(word) for before, word in pairwise(words)
    )


def _row(told: Sequence[Sequence[str]], tables: PunctureTables) -> str | None:
    """Return the first row of the lexicon that the note fits; phrases do not overlap: "no CSF obtained" is one of its own."""
    names_lp = _names_lp(told, tables)
    forms = {form for words in told for hit in tables.rows.find(words) for form in hit.meanings}
    rows = {form.row for form in forms if names_lp or not form.needs_name}
    return next((row for row in tables.order if row in rows), None)


def _names_lp(told: Sequence[Sequence[str]], tables: PunctureTables) -> bool:
    return any(map(tables.names.find_all, told))


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
    behind = words[at + 1 : at + 3] if words[at + 1 : at + 2] == ["x"] else words[at + 1 : at + 2]
    near = [*reversed(words[max(0, at - _WORDS_BEFORE) : at]), *behind]
    counts = [_number(word, tables) for word in near]
    return next((count for count in counts if count is not None), None)


def _number(word: str, tables: PunctureTables) -> int | None:
    times = _TIMES.fullmatch(word)
    word = times[1] if times else word
    if word.isascii() and word.isdigit():
        count = int(word) if len(word) <= _WORDS_BEFORE else 0
        return count if 0 < count <= _MOST_ATTEMPTS else None
    return tables.numbers.get(word)


def _clock(told: Sequence[Sequence[str]], tables: PunctureTables) -> tuple[int, int] | None:
    """Return the last time of day that stands right behind words which say that it is that of the LP."""
    found = (
        _time_of_day([word for word in words[hit.after : hit.after + 5] if word not in {",", ":"}])
        for words in told
        for hit in tables.timed.find_all(words)
    )
    return max((clock for clock in found if clock is not None), default=None)


def _time_of_day(words: Sequence[str]) -> tuple[int, int] | None:
    """Read "14 : 30", "14.30", "1430h", "2pm", "2 : 30 pm" at the beginning of some words, colons left out."""
    first, second, third = (*words[:3], "", "", "")[:3]
    if together := _TOGETHER.fullmatch(first):
        return _valid(int(together[1]), int(together[2]), second)
    if hour := _ON_THE_HOUR.fullmatch(first):
        return _valid(int(hour[1]), 0, hour[2])
    if not first.isdecimal() or len(first) > _WORDS_BEFORE:
        return None
    if second in _HALVES:
        return _valid(int(first), 0, second)
    minute, half = (second[:2], second[2:] or third)
    if len(minute) < _WORDS_BEFORE or not minute.isdecimal() or half.isdecimal():
        return None
    return _valid(int(first), int(minute), half)


def _valid(hour: int, minute: int, half: str) -> tuple[int, int] | None:
    if half in _HALVES:
        hour = hour % _NOON + (_NOON if half == "pm" else 0) if hour <= _NOON else hour
    return (hour, minute) if hour < _HOUR and minute < _MINUTE else None


def _is_traumatic(told: Sequence[Sequence[str]], tables: PunctureTables) -> bool | None:
    said = [meaning for words in told for hit in tables.trauma.find(words) for meaning in hit.meanings]
    return any(said) if said else None
