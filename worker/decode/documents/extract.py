"""What was read of a document, or why nothing was. Pure: no I/O, no clock."""

from __future__ import annotations

import msgspec

TOO_LONG = "too long"
NESTED = "nested too deeply"
BROKEN = "broken"
EMPTY = "without text"
ELSEWHERE = "content elsewhere"
"""A pointer or address: nothing is fetched."""

REST = "rest of a long document"
GUESSED = "read as windows-1252"
"""What is said where the character set of a text had to be guessed."""


class Extract(msgspec.Struct, frozen=True, gc=False):
    """The text of a document.

    Shape: `text` keeps the order and lines of the document; a row of a table is a line, its cells as "name: value; more".
    `problem` says in a constant phrase why there is none, `gap` what of it could not be read although the rest was.
    `is_guessed` where its character set had to be guessed.
    """

    text: str = ""
    problem: str = ""
    gap: str = ""
    is_guessed: bool = False
