"""Lines of text out of blocks, breaks, points and tables. Pure: no I/O, no clock.

What a person sees on one line becomes one line, so that a denial does not run on into the next: a block or a row is a line, the
cells of a row are parted as "name: value; more", paragraphs inside a cell are lines, the points of a list begin with a hyphen.
An empty line is one that the writer made.
"""

from __future__ import annotations

from itertools import pairwise

CELL = "\x1f"
"""Stands between two cells until their line is whole (ASCII: unit separator)."""

_SHOWN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"), "")
_SHOWN |= {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}

_ENDS = ".:;,?!"
_BLANKS = " \t\r\n\f\v"
_MOST_BREAKS = 2


def as_shown(text: str) -> str:
    """Return a text as a person sees it: no signs without width inside words, ligatures as letters."""
    return text if text.isascii() else text.translate(_SHOWN)


def join_cells(line: str) -> str:
    """Return a line with its cells as "name: value; more", no blanks at its ends; empty cells leave nothing.

    A reader of notes takes "Neck stiffness: No" for a denial, and ends it before the next cell.
    """
    if CELL not in line:
        return line.strip()
    cells = [cell for cell in map(str.strip, line.split(CELL)) if cell]
    written = cells[:1]
    for at, (before, cell) in enumerate(pairwise(cells)):
        mark = "" if before[-1] in _ENDS else ";" if at else ":"
        written.append(f"{mark} {cell}")
    return "".join(written)


class Lines:
    """Text so far, and the breaks that come before the next word."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lines: list[str] = []
        self._line: list[str] = []
        self._has_text = False
        self._breaks = 0
        self._bullet = ""
        self._cells = 0
        self._is_cell_empty = False
        self._has_inner_table = False
        self._outer: list[int] = []

    @property
    def text(self) -> str:
        """Return everything so far, no blanks at the ends of lines."""
        return as_shown("\n".join(map(join_cells, (*self._lines, "".join(self._line)))).strip())

    def add(self, text: str) -> None:
        """Add words; blanks alone part words and begin no line."""
        if not text.strip(_BLANKS) and (not self._has_text or self._breaks or self._bullet):
            return
        for _ in range(min(self._breaks, _MOST_BREAKS)):
            self._end_line()
        self._breaks = 0
        if self._bullet:
            self._line.append(self._bullet)
            self._bullet = ""
        self._line.append(text)
        self._has_text = True
        self._is_cell_empty = False

    def block(self) -> None:
        """Begin or end a block: what comes next stands on a line of its own."""
        if self._has_text and not self._is_cell_empty:
            self._breaks = max(1, self._breaks)

    def line_break(self) -> None:
        """End the line; two of them leave a line empty."""
        self._breaks += not self._is_cell_empty

    def point(self) -> None:
        """Begin a point of a list."""
        self.block()
        self._bullet = "- "

    def row(self) -> None:
        """Begin or end a row of a table."""
        self._is_cell_empty = False
        self.block()
        self._cells = 0
        self._has_inner_table = False

    def cell(self) -> None:
        """Begin a cell: on the line of the cell before it, unless that held a table of its own."""
        if self._cells and not self._has_inner_table:
            self._breaks = 0
            self._line.append(CELL)
            self._is_cell_empty = True
        else:
            self.block()
        self._cells += 1
        self._has_inner_table = False

    def table(self) -> None:
        """Begin a table, perhaps inside a cell."""
        self._outer.append(self._cells)
        self.row()

    def end_table(self) -> None:
        """End a table."""
        self.row()
        self._cells = self._outer.pop() if self._outer else 0
        self._has_inner_table = self._cells > 0

    def _end_line(self) -> None:
        self._lines.append("".join(self._line))
        self._line = []
        self._has_text = False
