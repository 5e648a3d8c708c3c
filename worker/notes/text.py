"""Cut a note into sentences and words without losing a position. Pure: no I/O, no clock.

Every pattern here reads each character a fixed number of times: no input makes it slow.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|\([+-]\)|[&,;:?()]|[+-]ve\b|\[[ xX]?\]|[☐☑☒]")
_END = re.compile(r"[\r\n]|[.!;?](?=\s|\Z)")
_SPACE = re.compile(r"\s")
MARKS = frozenset(",;:?()")
"""Words that are punctuation."""

EMPTY_BOX, TICKED_BOX = "[ ]", "[x]"
_BOXES = {"[]": EMPTY_BOX, "☐": EMPTY_BOX, "☑": TICKED_BOX, "☒": TICKED_BOX}

_BULLET = re.compile(r"(?:[-*•–]|\d{1,2}[.)])[ \t]")
_SHORT = frozenset(
    {
        "dr",
        "mr",
        "mrs",
        "ms",
        "prof",
        "approx",
        "vs",
        "e.g",
        "i.e",
        "temp",
        "pt",
        "hx",
        "incl",
        "inc",
        "esp",
        "poss",
    }
)
_SCLEROSIS = "MS"
"""In capitals no form of address: "Indication: query MS." ends."""

LONGEST_SENTENCE = 1_000
"""Characters; the work on a sentence grows with the square of what it states."""

_SCORE = re.compile(r"(?<!\d)(\d{1,2})[ ]?/[ ]?10(?!\d)")


class Word(NamedTuple):
    """A word or punctuation mark: `text` in lower case, and its place in the note."""

    text: str
    start: int
    end: int

    @property
    def is_mark(self) -> bool:
        """Tell whether it is punctuation."""
        return self.text in MARKS


class Sentence(msgspec.Struct, frozen=True, gc=False):
    """A sentence of a note.

    Shape: `text` as it stands, from character `start` of the note on; `words` as `words_of` gives them; `is_point` where it
    is one point of a list.
    """

    text: str
    start: int
    words: list[str]
    is_point: bool = False

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Return where each of its words begins and ends in the note."""
        found = _WORD.finditer(self.text)
        return [(self.start + match.start(), self.start + match.end()) for match in found]

    @property
    def scores(self) -> tuple[tuple[int, int], ...]:
        """Return pain scores "n/10" as (position in the note, n)."""
        if "10" not in self.text:
            return ()
        found = ((self.start + match.start(), int(match[1])) for match in _SCORE.finditer(self.text))
        return tuple((position, score) for position, score in found if score <= _HIGHEST_SCORE)

    @property
    def opens_list(self) -> bool:
        """Tell whether it ends with a colon, so that the points below belong to it."""
        return self.text.endswith(":")


_HIGHEST_SCORE = 10


def split_words(text: str, start: int = 0, end: int | None = None) -> tuple[Word, ...]:
    """Return words and marks of [start, end); hyphens, slashes and dots part words."""
    found = _WORD.finditer(text, start, len(text) if end is None else end)
    return tuple(Word(normalise(match[0]), match.start(), match.end()) for match in found)


def first_word(text: str) -> str:
    """Return the first word or mark, empty where there is none."""
    found = _WORD.search(text)
    return normalise(found[0]) if found else ""


def words_of(text: str) -> list[str]:
    """Return words and marks as `split_words` does, without their places."""
    if (
        "&" not in text and "[]" not in text and text.isascii()
    ):  # lower case keeps every word as it is: one pass will do
        found: list[str] = _WORD.findall(text.lower())
        return found
    return list(map(normalise, _WORD.findall(text)))


def normalise(word: str) -> str:
    """Return the form in which words are compared."""
    return "and" if word == "&" else _BOXES.get(word) or word.lower().replace("’", "'")


def split_sentences(text: str, start: int = 0, end: int | None = None) -> list[Sentence]:
    """Cut [start, end) into sentences.

    A sentence ends at `.`, `!`, `;` or `?` before white space, and at a line end unless the next line goes on in lower case.
    `?` before a word ("?confusion") is a doubt, not an end. What goes on for more than `LONGEST_SENTENCE` characters is cut.
    """
    last = len(text) if end is None else end
    sentences: list[Sentence] = []
    begin = start
    for found in _END.finditer(text, start, last):
        position = found.start()
        if position - begin > LONGEST_SENTENCE:
            begin = _cut_long(sentences, text, begin, position)
        if position >= begin and _ends_here(text, begin, position, last):
            _add(sentences, text, begin, position + 1)
            begin = position + 1
    _add(sentences, text, _cut_long(sentences, text, begin, last), last)
    return sentences


def _cut_long(sentences: list[Sentence], text: str, begin: int, position: int) -> int:
    """Cut what has no end before `position` at white space; return where the rest begins."""
    while position - begin > LONGEST_SENTENCE:
        space = _SPACE.search(text, begin + LONGEST_SENTENCE, position)
        if space is None:
            break
        _add(sentences, text, begin, space.end())
        begin = space.end()
    return begin


def _add(sentences: list[Sentence], text: str, begin: int, end: int) -> None:
    while begin < end and text[begin].isspace():
        begin += 1
    while end > begin and text[end - 1].isspace():
        end -= 1
    if begin < end:
        part = text[begin:end]
        sentences.append(Sentence(part, begin, words_of(part), _BULLET.match(part) is not None))


def _ends_here(text: str, begin: int, position: int, last: int) -> bool:
    """Tell whether a mark that may end a sentence does."""
    character = text[position]
    if character in "\r\n":
        return position - begin >= LONGEST_SENTENCE or not goes_on(text, begin, position, last)
    if character == "?":
        return position > begin and not text[position - 1].isspace()
    return character != "." or not _is_short(text, begin, position)


def _is_short(text: str, begin: int, position: int) -> bool:
    """Tell whether a dot belongs to an abbreviation or to the number of a point ("Dr.", "1.")."""
    first = position
    while first > begin and not text[first - 1].isspace() and position - first <= _LONGEST_SHORT:
        first -= 1
    if text[first:position] == _SCLEROSIS:
        return False
    word = text[first:position].lower()
    return word in _SHORT or (word.isdigit() and not text[begin:first].strip())


_LONGEST_SHORT = 6


def goes_on(text: str, begin: int, position: int, last: int) -> bool:
    """Tell whether a line end is only a wrap: more text follows in lower case on the very next line."""
    if text[position] == "\r" and position + 1 < last and text[position + 1] == "\n":
        return True  # the line feed decides
    before = position
    while before > begin and text[before - 1].isspace():
        before -= 1
    if before == begin or text[before - 1] in ".:;!?":
        return False
    following = position + 1
    while following < last and text[following] in " \t":
        following += 1
    return following < last and text[following].islower() and not _BULLET.match(text, following, last)
