"""What the facts of a document keep of it beside its time, as qualifiers. Pure: no I/O, no clock.

The fact of a note (concept "note") keeps what is needed to compare versions: a digest of the text, the keys of documents that
this one replaces, and whether all of it was read. Where something could not be read, a fact of its own (concept "unread-note")
says what, and what the document was to replace; it stands until a version that was read whole replaces the group of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.model.fact import Fact

NOTE, UNREAD = "note", "unread-note"
_TEXT, _REPLACES, _PART, _LOST = "text:", "replaces:", "part", "unread:"


def document_marks(
    text_digest: str, replaced: Iterable[str] = (), *, is_part: bool = False
) -> tuple[str, ...]:
    """Return the qualifiers of a note: the digest of its text, the keys of the documents that it replaces.

    Shape: `is_part` where something of it could not be read.
    """
    return (f"{_TEXT}{text_digest}", *(f"{_REPLACES}{key}" for key in replaced), *[_PART] * is_part)


def unread_key(document: str) -> str:
    """Return the key of the fact that says what of a document could not be read."""
    return f"{document}|unread"


def unread_marks(subjects: Iterable[str], replaced: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the qualifiers of a document that was not read whole: why, and the keys of what it was to replace."""
    lost = (f"{_LOST}{subject}" for subject in dict.fromkeys(subjects))
    return (*lost, *(f"{_REPLACES}{key}" for key in replaced))


def unread_subjects(fact: Fact) -> tuple[str, ...]:
    """Return why a document was not read whole."""
    return tuple(mark.removeprefix(_LOST) for mark in fact.qualifiers if mark.startswith(_LOST))


def is_part(note: Fact) -> bool:
    """Tell whether something of a note could not be read."""
    return _PART in note.qualifiers


def text_digests(note: Fact) -> frozenset[str]:
    """Return the digest of a note's text; empty where it is not kept."""
    return frozenset(mark for mark in note.qualifiers if mark.startswith(_TEXT))


def replaced_keys(note: Fact) -> tuple[str, ...]:
    """Return the keys of the documents that a note replaces."""
    return tuple(mark.removeprefix(_REPLACES) for mark in note.qualifiers if mark.startswith(_REPLACES))
