"""Read what a form answers behind a finding: "Headache Yes ☐ No ☑", "Fever  no", "Weakness: Y / N". Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from worker.model.fact import AssertionStatus
from worker.notes.text import EMPTY_BOX, MARKS, TICKED_BOX

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEANS = {
    "yes": AssertionStatus.PRESENT,
    "y": AssertionStatus.PRESENT,
    "no": AssertionStatus.ABSENT,
    "n": AssertionStatus.ABSENT,
}
_BOXES = frozenset({EMPTY_BOX, TICKED_BOX})
WORDS = frozenset(_MEANS)
"""Words without one of which no form answers."""


class Answer(NamedTuple):
    """What words [first, after) answer; `status` is None where the choice was left open."""

    first: int
    after: int
    status: AssertionStatus | None


def answer_behind(words: Sequence[str], after: int) -> Answer | None:
    """Return what a form answers right behind a finding that ends at word `after`, None where it answers nothing.

    A choice names yes and no, each with a box beside it or with none. A single word answers where nothing follows in its part.
    """
    first = after + int(words[after : after + 1] == [":"])
    end = first
    while end < len(words) and (words[end] in _MEANS or words[end] in _BOXES):
        end += 1
    given = words[first:end]
    named = {_MEANS[word] for word in given if word in _MEANS}
    if len(named) > 1:
        return Answer(first, end, _ticked(given))
    if len(given) == 1 and named and (end == len(words) or words[end] in MARKS):
        return Answer(first, end, named.pop())
    return None


def _ticked(given: Sequence[str]) -> AssertionStatus | None:
    """Return the one word whose box is ticked; boxes stand before the words where the choice begins with one."""
    pairs = zip(given[::2], given[1::2], strict=False)
    ticked = {_MEANS.get(word if box in _BOXES else box) for box, word in pairs if TICKED_BOX in {box, word}}
    return ticked.pop() if len(ticked) == 1 else None
