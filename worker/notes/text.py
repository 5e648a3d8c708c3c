"""Cut a note into sentences and words without losing a position. Pure: no I/O, no clock.

Every pattern here reads each character a fixed number of times: no input makes it slow.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

import msgspec

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|\([+-]\)|[&,;:?()]|[+-][vV][eE]\b|\[[ xX]?\]|[☐☑☒]")
_END = re.compile(r"[\r\n.!;?](?:(?<=[\r\n])|(?=\s|\Z))")
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
_SHORT_ENDS = frozenset(short[-2:] for short in _SHORT)
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
    is one point of a list; `is_respelt` where a slip of spelling was put right in a word.
    """

    text: str
    start: int
    words: list[str]
    is_point: bool = False
    is_respelt: bool = False

    def span(self, first: int, after: int) -> tuple[int, int]:
        """Return where words [first, after) begin and end in the note."""
        if self.is_respelt or not self.text.isascii() or "&" in self.text or "[" in self.text:
            found = list(islice(_WORD.finditer(self.text), after))
            return (self.start + found[first].start(), self.start + found[after - 1].end())
        text, begin, end = self.text.lower(), 0, 0
        for at in range(after):  # each stands as it is, and nothing like it between it and the one before
            word = self.words[at]
            end = text.find(word, end)
            if at == first:
                begin = end
            end += len(word)
        return (self.start + begin, self.start + end)

    @property
    def end(self) -> int:
        """Return the place behind it in the note."""
        return self.start + len(self.text)

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


def split_words(
    text: str, start: int = 0, end: int | None = None, count: int | None = None
) -> tuple[Word, ...]:
    """Return words and marks of [start, end), or the first of them; hyphens, slashes and dots part words."""
    found = islice(_WORD.finditer(text, start, len(text) if end is None else end), count)
    return tuple(Word(normalise(match[0]), match.start(), match.end()) for match in found)


def words_of(text: str) -> list[str]:
    """Return words and marks as `split_words` does, without their places."""
    plain = _plain(text)
    return list(map(normalise, _WORD.findall(text))) if plain is None else plain.split()


def _words_of_all(texts: list[str]) -> list[list[str]]:
    """Return the words of each text; those of plain ASCII are worked out together."""
    whole = _BETWEEN.join(texts)
    parts = (
        []
        if whole.count(_BETWEEN) != len(texts) - 1 or (plain := _plain(whole)) is None
        else plain.split(_BETWEEN)
    )
    return [part.split() for part in parts] if parts else list(map(words_of, texts))


def _plain(text: str) -> str | None:
    """Return words and marks with spaces between them, None where that takes a closer look."""
    if not text.isascii():
        return None
    plain = text.encode("ascii").translate(_PLAIN).decode("ascii")
    if "[" in plain or "+" in plain or "-ve" in plain or "(-" in plain:
        return None
    for mark, apart in _APART:
        if mark in plain:
            plain = plain.replace(mark, apart)
    return None if "'" in plain and _LOOSE.search(plain) else plain


_BETWEEN = "\x1e"
"""What stands between texts whose words are worked out together; in a text alone it parts words as a space does."""
_KEPT = "+-'&[" + _BETWEEN
_PLAIN = bytes(
    ord(character.lower()) if character.isalnum() or character in MARKS or character in _KEPT else ord(" ")
    for character in map(chr, range(128))
).ljust(256)
"""What becomes of ASCII: lower case, and a space for what parts words."""
_APART = (("-", " "), ("&", " and "), *((mark, f" {mark} ") for mark in ",:;?()"))
_LOOSE = re.compile(r"(?:\A|[ '\x1e])'|'(?:\Z|[ \x1e])")
"""An apostrophe that joins no letters."""


def normalise(word: str) -> str:
    """Return the form in which words are compared."""
    return "and" if word == "&" else _BOXES.get(word) or word.lower().replace("’", "'")


def split_sentences(text: str, start: int = 0, end: int | None = None) -> list[Sentence]:
    """Cut [start, end) into sentences.

    A sentence ends at `.`, `!`, `;` or `?` before white space, and at a line end unless the next line goes on in lower case.
    `?` before a word ("?confusion") is a doubt, not an end. What goes on for more than `LONGEST_SENTENCE` characters is cut.
    """
    last = len(text) if end is None else end
    sentences: list[tuple[str, int]] = []
    begin = start
    for found in _END.finditer(text, start, last):
        position = found.start()
        if position - begin > LONGEST_SENTENCE:
            begin = _cut_long(sentences, text, begin, position)
        if position == begin and text[position] in "\r\n":
            begin += 1
        elif position >= begin and _ends_here(text, begin, position, last):
            part = text[begin : position + 1].lstrip()
            begin = position + 1
            if part:
                sentences.append((part.rstrip(), begin - len(part)))
    _add(sentences, text, _cut_long(sentences, text, begin, last), last)
    written = _words_of_all([part for part, _ in sentences])
    return [
        Sentence(part, first, words, not part[0].isalpha() and _BULLET.match(part) is not None)
        for (part, first), words in zip(sentences, written, strict=True)
    ]


def _cut_long(sentences: list[tuple[str, int]], text: str, begin: int, position: int) -> int:
    """Cut what has no end before `position` at white space; return where the rest begins."""
    while position - begin > LONGEST_SENTENCE:
        space = _SPACE.search(text, begin + LONGEST_SENTENCE, position)
        if space is None:
            break
        _add(sentences, text, begin, space.end())
        begin = space.end()
    return begin


def _add(sentences: list[tuple[str, int]], text: str, begin: int, end: int) -> None:
    part = text[begin:end].lstrip()
    if part:
        sentences.append((part.rstrip(), end - len(part)))


def _ends_here(text: str, begin: int, position: int, last: int) -> bool:
    """Tell whether a mark that may end a sentence does."""
    character = text[position]
    if character in "\r\n":
        return position - begin >= LONGEST_SENTENCE or not goes_on(text, begin, position, last)
    if character == "?":
        return position > begin and not text[position - 1].isspace()
    if character != ".":
        return True
    is_near = text[max(begin, position - 2) : position].lower() in _SHORT_ENDS or text[position - 1].isdigit()
    return not is_near or not _is_short(text, begin, position)


def _is_short(text: str, begin: int, position: int) -> bool:
    """Tell whether a dot belongs to an abbreviation or to the number of a point ("Dr.", "1.")."""
    first = max(begin, position - _LONGEST_SHORT)
    near = text[first:position]
    if not near or near[-1].isspace():
        return False
    word = near.split()[-1]
    if word == _SCLEROSIS:
        return False
    return word.lower() in _SHORT or (word.isdigit() and not text[begin : position - len(word)].strip())


_LONGEST_SHORT = 7
"""Characters; the longest abbreviation is shorter."""


def goes_on(text: str, begin: int, position: int, last: int) -> bool:
    """Tell whether a line end is only a wrap: more text follows in lower case on the very next line."""
    following = position + 1
    if text[position] == "\r" and text[following : min(following + 1, last)] == "\n":
        return True  # the line feed decides
    while following < last and text[following] in " \t":
        following += 1
    if following == last or not text[following].islower():
        return False
    before = position
    while before > begin and text[before - 1].isspace():
        before -= 1
    return before > begin and text[before - 1] not in ".:;!?"
