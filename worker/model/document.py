"""What the fact of a note (concept "note") keeps of the document beside its time, as qualifiers. Pure: no I/O, no clock.

Only what is needed to compare versions is kept: a digest of the text, the keys of documents that this one replaces, and whether
all of it was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.model.fact import Fact

NOTE = "note"
_TEXT, _REPLACES, _PART = "text:", "replaces:", "part"


def document_marks(
    text_digest: str, replaced: Iterable[str] = (), *, is_part: bool = False
) -> tuple[str, ...]:
    """Return the qualifiers of a note: the digest of its text, the keys of the documents that it replaces.

    Shape: `is_part` where something of it could not be read.
    """
    return (f"{_TEXT}{text_digest}", *(f"{_REPLACES}{key}" for key in replaced), *[_PART] * is_part)


def is_part(note: Fact) -> bool:
    """Tell whether something of a note could not be read."""
    return _PART in note.qualifiers


def text_digests(note: Fact) -> frozenset[str]:
    """Return the digest of a note's text; empty where it is not kept."""
    return frozenset(mark for mark in note.qualifiers if mark.startswith(_TEXT))


def replaced_keys(note: Fact) -> tuple[str, ...]:
    """Return the keys of the documents that a note replaces."""
    return tuple(mark.removeprefix(_REPLACES) for mark in note.qualifiers if mark.startswith(_REPLACES))
