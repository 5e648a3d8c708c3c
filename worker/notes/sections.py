"""Find the sections of a note: what kind of text each part is. Pure: no I/O, no clock.

A heading is a known phrase at the start of a line or sentence, followed by a colon; or alone on its line. Before the colon may
stand when it was written ("Addendum day 2:", "Update 06/01 14:30:"); then a dash will do as well. A section ends at the next
heading, at any other line that begins with words in capitals and a colon, or at a blank line after its text. Some headings,
those of an indication above all, speak of their line only (ADR 0026): text that begins on it ends with it, unless the next line
goes on with the sentence; and it ends before a sentence that begins with a turn to another matter ("Complains of …"), as
earlier illness and that of relatives do.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from worker.notes.lexicon import SectionForm
from worker.notes.lexicon_spec import SectionKind
from worker.notes.text import goes_on, split_words, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.notes.lexicon import Lexicon
    from worker.notes.text import Word

_LONGEST_HEADING = 60
_BEFORE = re.compile(r"[\s\-*•.!?;]*")
_APART = re.compile(r"[.!?;\r\n][\s\-*•.!?;]*")
_TEXT = re.compile(r"\S")
_LINE_END = re.compile(r"\r\n|[\r\n]")
_OPEN = re.compile(
    r"(?:[,(/&–-]|\b(?:and|or|with|without|of|for|to|the|a|an|no|by|in|on|since|possible|query))[ \t]*\Z",
    re.IGNORECASE,
)
"""What a line ends with where its sentence goes on in the next."""
_DASH = re.compile(r"[^\S\r\n]+[-–][^\S\r\n]")
_NUMBER = re.compile(r"\d{1,4}(?:st|nd|rd|th|h|hrs|am|pm)?")
_OF_TIME = re.compile(
    r"at|on|days?|hours?|h|hrs|am|pm|post|lp|op|today|tonight|night|morning|afternoon|evening"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
    r"|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
"""Words, beside numbers, by which a heading says when it was written."""
_BLANK = re.compile(r"(?:\n|\r(?!\n))(?:[^\S\r\n]|\r(?=\n))*(\n|\r(?!\n))")


_SIGNS = frozenset(":-–")
"""One of them stands behind a heading that is not alone on its line."""
_LOWER = tuple("abcdefghijklmnopqrstuvwxyz")
_NEUTRAL = SectionForm("neutral")
_OF_OLD = frozenset({"historical", "family"})
"""Kinds of sections in which a sentence that turns to the patient as he is now ends them."""


class Section(msgspec.Struct, frozen=True, gc=False):
    """Characters [start, end) of a note, without the heading.

    Shape: `written` are the heading's words that say when it was written ("day", "2"), empty where it does not.
    """

    start: int
    end: int
    kind: SectionKind
    written: tuple[str, ...] = ()


class _Heading(msgspec.Struct, frozen=True, gc=False):
    start: int
    after: int
    form: SectionForm
    written: tuple[str, ...] = ()


def find_sections(text: str, lexicon: Lexicon) -> list[Section]:
    """Cut a note into sections, in order; text before the first heading is neutral."""
    headings = [_Heading(0, 0, _NEUTRAL), *_headings(text, lexicon)]
    sections: list[Section] = []
    for at, heading in enumerate(headings):
        end = headings[at + 1].start if at + 1 < len(headings) else len(text)
        middle = _end_of_section(text, heading, end, lexicon)
        sections.append(Section(heading.after, middle, heading.form.kind, heading.written))
        if middle < end:
            sections.append(Section(middle, end, "neutral"))
    return sections


def _end_of_section(text: str, heading: _Heading, end: int, lexicon: Lexicon) -> int:
    if heading.form.kind == "neutral":
        return end
    end = _blank_line(text, heading.after, end)
    if not heading.form.is_line:
        return _turn(text, heading.after, end, lexicon) if heading.form.kind in _OF_OLD else end
    return _turn(text, heading.after, _end_of_lines(text, heading.after, end), lexicon)


def _end_of_lines(text: str, start: int, end: int) -> int:
    """Return where text that begins on the line of its heading ends: with that line and those that go on with its sentence."""
    first = _TEXT.search(text, start, end)
    if first is None or _LINE_END.search(text, start, first.start()):
        return end
    for found in _LINE_END.finditer(text, start, end):
        is_open = _OPEN.search(text, max(start, found.start() - _LONGEST_HEADING), found.start())
        if not is_open and not goes_on(text, start, found.end() - 1, end):
            return found.start()
    return end


def _turn(text: str, start: int, end: int, lexicon: Lexicon) -> int:
    """Return where a sentence behind the first begins with a turn to another matter, else `end`."""
    starts = [at for at in _starts(text, start, end) if at < end]
    for at in starts[1:]:
        if lexicon.turns.first_of(words_of(text[at : min(at + _LONGEST_HEADING, end)])) is not None:
            return at
    return end


def _headings(text: str, lexicon: Lexicon) -> Iterator[_Heading]:
    for start in _starts(text, 0, len(text)):
        known = _known(text, start, lexicon) if lexicon.headings.may_begin_at(text, start) else None
        if known is not None:
            yield structs.replace(known, after=known.start) if known.form.is_said else known
        elif _is_in_capitals(text, start) and _is_at_line_start(text, start):
            yield _Heading(start, start, _NEUTRAL)


def _starts(text: str, first: int, end: int) -> Iterator[int]:
    """Give each position of [first, end) at which a sentence or line begins."""
    before = _BEFORE.match(text, first, end)
    start = before.end() if before else first
    if start < end:
        yield start
    for apart in _APART.finditer(text, start, end):
        if apart.end() < end:
            yield apart.end()


def _known(text: str, start: int, lexicon: Lexicon) -> _Heading | None:
    line_end = _line_end(text, start)
    end = min(line_end, start + _LONGEST_HEADING)
    line = text[start:line_end]
    if line.rstrip().endswith(".") and _SIGNS.isdisjoint(line):
        return None  # a sentence
    plain = words_of(text[start:end])
    hit = lexicon.headings.first_of(plain)
    if hit is None:
        return None
    following = plain[hit.after] if hit.after < len(plain) else ""
    if following and not _may_tell_time(following):
        return None
    behind = takewhile(_may_tell_time, plain[hit.after :])
    words = split_words(text, start, end, hit.after + sum(1 for _ in behind) + 1)
    after = _after_time(words, hit.after)
    last = words[after - 1]
    written = tuple(word.text for word in words[hit.after : after])
    if after < len(words) and words[after].text == ":":
        return _Heading(words[0].start, words[after].end, hit.meanings[0], written)
    if after > hit.after and (dash := _DASH.match(text, last.end, line_end)):
        return _Heading(words[0].start, dash.end(), hit.meanings[0], written)
    is_alone = not text[last.end : line_end].strip() and _is_at_line_start(text, words[0].start)
    return _Heading(words[0].start, last.end, hit.meanings[0], written) if is_alone else None


def _after_time(words: tuple[Word, ...], first: int) -> int:
    """Return the place behind the words from `first` on that say when a heading was written."""
    after = first
    while after < len(words) and (_tells_time(words[after].text) or _is_in_clock(words, first, after)):
        after += 1
    return after


def _tells_time(word: str) -> bool:
    return bool(_OF_TIME.fullmatch(word) or _NUMBER.fullmatch(word))


def _may_tell_time(word: str) -> bool:
    return word == ":" or _tells_time(word)


def _is_in_clock(words: tuple[Word, ...], first: int, at: int) -> bool:
    """Tell whether a mark is the colon of a time of day ("14:30")."""
    if words[at].text != ":" or at == first or at + 1 == len(words):
        return False
    before, behind = words[at - 1], words[at + 1]
    is_joined = before.end == words[at].start and words[at].end == behind.start
    return is_joined and bool(_NUMBER.fullmatch(before.text) and _NUMBER.fullmatch(behind.text))


def _is_in_capitals(text: str, start: int) -> bool:
    """Tell whether a heading in capitals that the lexicon does not know begins at a place."""
    if text[start : start + 2].endswith(_LOWER):
        return False
    before, colon, _ = text[start : start + _LONGEST_HEADING].partition(":")
    return colon != "" and before.isupper() and _LINE_END.search(before) is None


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start, start + 200)
    end = min(len(text), start + 200) if end < 0 else end
    back = text.find("\r", start, end)
    return end if back < 0 else back


def _is_at_line_start(text: str, start: int) -> bool:
    before = start
    while before > 0 and start - before < _LONGEST_HEADING and text[before - 1] in " \t-*•":
        before -= 1
    return before == 0 or text[before - 1] in "\r\n"


def _blank_line(text: str, start: int, end: int) -> int:
    """Return where the first blank line after some text begins, else `end`."""
    first = _TEXT.search(text, start, end)
    blank = _BLANK.search(text, first.end(), end) if first else None
    return blank.start(1) if blank else end
