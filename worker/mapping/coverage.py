"""Which concepts and qualifiers a pack can receive at all. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.mapping.concept_spec import Kind
from worker.mapping.pack import DEFAULT_FEED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.mapping.feeds import Feed
    from worker.mapping.pack import MappingPack

_STRUCTURAL = {Kind.ENCOUNTER, Kind.NOTE, Kind.MOMENT}
"""Read from what a message is, not from a code in it."""


def mapped_concepts(mapping: MappingPack, feeds: Iterable[str] = ()) -> frozenset[str]:
    """Return the concepts that a standard code, or a code of one of the feeds, gives; those of body sites included.

    Shape: `feeds` are ids; ids that the pack does not have are passed over. Findings of notes are not among the result.
    """
    tables = [feed.targets for feed in _feeds(mapping, feeds)]
    found: set[str] = set()
    for target in (target for table in tables for target in table.values() if not target.is_ignored):
        found.update((target.concept.id, *target.concept.body_sites.values()))
    found.update(name for name, concept in mapping.concepts.items() if concept.kind in _STRUCTURAL)
    return frozenset(found)


def given_qualifiers(mapping: MappingPack, feeds: Iterable[str] = ()) -> frozenset[str]:
    """Return the qualifiers that codes, orders and reasons for visits give; those of notes are not among them.

    Shape: `feeds` as in `mapped_concepts`.
    """
    found: set[str] = set()
    for feed in _feeds(mapping, feeds):
        found.update(feed.admission_types.values())
        found.update(qualifier for target in feed.targets.values() for qualifier in target.qualifiers)
    for concept in mapping.concepts.values():
        found.update(name for name, _ in concept.qualifier_words)
        if concept.reasons:
            found.update(concept.reasons.meanings.values())
            found.update(concept.reasons.findings.values())
    return frozenset(found)


def _feeds(mapping: MappingPack, names: Iterable[str]) -> list[Feed]:
    return [mapping.feeds[name] for name in sorted({DEFAULT_FEED, *names} & mapping.feeds.keys())]
