"""Which facts fall because their resource is another's by now, or was deleted. Pure: no I/O, no clock.

For each resource the newest claim of each holder counts, a patient's number or `NOBODY`. What a version of the resource
stated under one number falls by a newer claim of any other holder. It is a maximum over sets, so no order of arrival,
repetition or split changes it; claims of one instant and rank take nothing from each other.

Source: ADR 0040.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.model.fact import Fact

NOBODY = 0
"""Holds what was deleted; numbers of patients are greater."""
MOST_HOLDERS = 3
"""More numbers than these never had one resource: its id is then no id, and takes nothing from anybody."""

MOST_MARKED = 50
"""Of an id that is none nobody is judged again any more, however many had it."""

Instant = tuple[int, int]


def newer_elsewhere(holders: Mapping[int, Instant], number: int) -> Instant | None:
    """Return the newest claim of another holder; None where there is none.

    Shape: `holders` by number, each with its newest claim of one resource.
    """
    if len(holders) - (NOBODY in holders) > MOST_HOLDERS:
        return None
    return max((stated_at for holder, stated_at in holders.items() if holder != number), default=None)


def standing(facts: Iterable[Fact], elsewhere: Mapping[str, Instant]) -> list[Fact]:
    """Leave out the facts of one number that fall.

    Shape: `elsewhere` the newest claim of another holder by resource.
    """
    return [fact for fact in facts if not _falls(fact, elsewhere)]


def _falls(fact: Fact, elsewhere: Mapping[str, Instant]) -> bool:
    claimed_at = elsewhere.get("|".join(fact.key.split("|", 3)[:3]))
    if claimed_at is None:
        return False
    group, version = fact.group, fact.version
    return claimed_at > (group.stated_at if group is not None else (version.major, version.minor))
