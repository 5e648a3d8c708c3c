"""What is said of a visit beside its class: the complaints of its reason, and that it was planned. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable

from worker.mapping.feeds import Feed
from worker.mapping.pack import MappingPack

_ENCOUNTER = "encounter"


def said_of_visit(
    feed: Feed, pack: MappingPack, reason: str, findings: Iterable[str], priorities: Iterable[str]
) -> tuple[str, ...]:
    """Return the qualifiers of a visit, sorted.

    Shape: `reason` in words, `findings` what its codes mean, `priorities` as sent (PV1-4, `Encounter.priority`).
    """
    concept = pack.concepts.get(_ENCOUNTER)
    reasons = concept.reasons if concept else None
    said = set(reasons.read(reason, findings) if reasons else ())
    types = feed.admission_types
    said.update(types[text.upper()] for text in priorities if text.upper() in types)
    return tuple(sorted(said))
