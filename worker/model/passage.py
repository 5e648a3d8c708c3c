"""What is shown of a note: the sentence with the words that say it marked, never more than so long. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from worker.model.fact import Assertion

LONGEST_PASSAGE: Final = 240
"""Characters of a sentence that are shown, marks of what is left out not counted."""

CUT: Final = "…"


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence as it is shown.

    Shape: `text[start:end]` are the words that say it, 0 and 0 where they are not known; what is left out before or behind
    is `…`.
    """

    text: str
    start: int = 0
    end: int = 0

    @property
    def marked(self) -> str:
        """Return the text with its words in angle quotes: "Says «headache is worse» since noon."."""
        if self.start == self.end:
            return self.text
        return f"{self.text[: self.start]}«{self.text[self.start : self.end]}»{self.text[self.end :]}"


def passage_of(said: Assertion) -> Passage:
    """Return what is shown of the sentence of an assertion; of a coded entry nothing."""
    return cut_around(said.sentence, *(said.phrase or (0, 0)))


def cut_around(text: str, start: int = 0, end: int = 0) -> Passage:
    """Cut a text that is too long around characters [start, end), between words where there are some."""
    if len(text) <= LONGEST_PASSAGE:
        return Passage(text, start, end)
    end = min(end, start + LONGEST_PASSAGE)
    spare = LONGEST_PASSAGE - (end - start)
    first = max(0, min(start - spare // 2, len(text) - LONGEST_PASSAGE))
    last = min(len(text), first + LONGEST_PASSAGE)
    if first:
        space = _blank(text, first, start)
        first = start if space is None else space + 1
    if last < len(text):
        spaces = [at for at in range(max(end, first), last + 1) if text[at].isspace()]
        last = max(spaces, default=last if end <= first else end)
    before, behind = CUT if first else "", CUT if last < len(text) else ""
    shown = f"{before}{text[first:last]}{behind}"
    moved = len(before) - first
    return Passage(shown, start + moved, end + moved) if end > start else Passage(shown)


def _blank(text: str, first: int, last: int) -> int | None:
    """Return where the first blank of [first, last) stands."""
    return next((at for at in range(first, last) if text[at].isspace()), None)
