"""Rows of tables in a PDF, by the places of its words. Pure: no I/O, no clock. ISO 32000-1, 9.4.

A PDF knows no cells. Words that stand on one line with a wide gap between them are taken for cells, so that "Neck stiffness"
and "No" are read together, as in other documents. Widths are guessed, and guessed large: where a gap is in doubt a blank stays.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

from worker.decode.documents.layout import CELL

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDE = 1.0
"""Of the size of letters; a wider gap parts two cells (house choice: justified text has narrower ones)."""

_CAREFUL = 1.25
"""Wide fonts are a quarter wider than the usual ones."""
_APART = 0.6
_BLANK = 0.15
_BASELINE = 0.2
_USUAL = 0.55
_WIDTHS = dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ", 0.68)
_WIDTHS |= dict.fromkeys("iljtfrI.,:;'|!()[]/- ", 0.28) | dict.fromkeys("mwMW@%", 0.85)
"""Of the size of letters, in the usual fonts."""


class Rows:
    """The text of a page as pypdf gives it, piece by piece, with its wide gaps."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._given: list[str] = []
        self._out: list[str] = []
        self._breaks = ""
        self._place: tuple[float, float] | None = None
        self._width = 0.0

    def take(self, text: str, cm: Sequence[float], tm: Sequence[float], _font: object, size: float) -> None:
        """Take a piece of text and where it begins: the matrices of the page and of the text."""
        self._given.append(text)
        text = text.replace(CELL, " ")
        words = text.rstrip(" \n")
        if words:
            self._begin(cm, tm, size, words)
            self._out.append(words)
        self._breaks += text[len(words) :]

    def text(self, whole: str) -> str:
        """Return the text with cells marked; `whole` as it is where that is not what was given."""
        is_all = "".join(self._given) == whole
        return "".join((*self._out, self._breaks)) if is_all else whole.replace(CELL, " ")

    def _begin(self, cm: Sequence[float], tm: Sequence[float], size: float, words: str) -> None:
        """Note where words begin, and put what parts them from those before."""
        along, down, scale = _placed(cm, tm)
        em = abs(size * scale)
        before, self._place = self._place, (along, down) if em else None
        width = em * sum(map(_WIDTHS.get, words, repeat(_USUAL)))
        is_beside = before is not None and em > 0 and abs(down - before[1]) < _BASELINE * em
        if before is None or not is_beside:
            self._width = width
        elif along < before[0]:
            self._breaks = "\n"
            self._width = width
        elif along == before[0]:
            self._width += (
                width  # pypdf tells where the line of text begins, not where in it the font changed
            )
        else:
            gap = along - before[0]
            is_apart = "\n" in self._breaks  # the writer ended a line, and set the next words beside it
            if gap - _CAREFUL * self._width > WIDE * em or (is_apart and gap - self._width > _APART * em):
                self._breaks = CELL
            elif is_apart:
                self._breaks = " " if gap - self._width > _BLANK * em else ""
            self._width = width
        self._out.append(self._breaks)
        self._breaks = ""


def _placed(cm: Sequence[float], tm: Sequence[float]) -> tuple[float, float, float]:
    """Return where text begins, along its line and across, and its scale; a scale of 0 where it does not stand upright."""
    if tm[1] or tm[2] or cm[1] or cm[2] or tm[0] * cm[0] <= 0:
        return 0.0, 0.0, 0.0
    return tm[4] * cm[0] + cm[4], tm[5] * cm[3] + cm[5], tm[0] * cm[0]
