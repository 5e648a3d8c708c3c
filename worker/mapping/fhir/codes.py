"""FHIR codes as the pack looks them up. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from worker.decode.fhir.datatypes import CodeableConcept
from worker.decode.fhir.datatypes import Coding as WrittenCoding
from worker.mapping.concepts import Coding
from worker.mapping.feeds import Feed, Meaning


def codings_of(concept: CodeableConcept | None) -> tuple[Coding, ...]:
    """Return the codings of a concept; where there is none its text is taken as a code of the sender's own."""
    if concept is None:
        return ()
    if concept.coding:
        return tuple([_coding(coding) for coding in concept.coding])
    return (Coding(concept.text, concept.text, ""),) if concept.text else ()


def meaning_of(feed: Feed, concept: CodeableConcept | None) -> Meaning:
    """Return the codings of a code and what the feed takes it for; written codes repeat, so that meaning is remembered."""
    written = concept.coding if concept is not None else None
    if not written:
        codings = codings_of(concept)
        return Meaning(codings, feed.find(codings), feed.note_kind(codings))
    return feed.meanings.get(written) or feed.remember(written, codings_of(concept))


@lru_cache(maxsize=8192)
def _coding(written: WrittenCoding) -> Coding:
    """Turn a coding into the pack's shape; a feed has few of them and repeats them for ever."""
    return Coding(written.code or "", written.display or "", written.system or "")


def all_codings(concepts: Iterable[CodeableConcept] | None) -> tuple[Coding, ...]:
    """Return the codings of several concepts, in order."""
    return tuple(coding for concept in concepts or () for coding in codings_of(concept))


def title_of(concept: CodeableConcept | None) -> str:
    """Return what people read of a concept: its text, else the first display."""
    if concept is None:
        return ""
    return concept.text or next((coding.display for coding in concept.codings if coding.display), "")


def first_code(concept: CodeableConcept | None) -> str:
    """Return the first code of a concept, empty where there is none (`Condition.clinicalStatus` has one)."""
    codings = concept.codings if concept is not None else ()
    return next((coding.code for coding in codings if coding.code), "")
