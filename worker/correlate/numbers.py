"""What one number of a patient takes back of what was said under another. Pure: no I/O, no clock.

After a merge, or where messages put the numbers of one PID in another order, a correction comes under another number than its
original. A statement of rank `CORRECTED` or above says that an older one was wrong, whoever's number stood on it.

Source: ADR 0038.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from worker.model.fact import Fact

FactKey = tuple[str, str, str]
_Instant = tuple[int, int]

_CORRECTED = 3
"""From this rank on a statement corrects, cancels or withdraws (`mapping.hl7v2.versions`, `mapping.fhir.status`)."""
_NEVER = (-(2**63), -(2**63))


class Numbers:
    """What the numbers of one patient have in common; of a patient with one number, nothing."""

    __slots__ = ("_answers", "_marks", "_owners", "_shared", "_who")

    def __init__(self, facts: Sequence[Fact]) -> None:
        """Look through all versions of all statements."""
        patients = {id(fact.patient): fact.patient.key for fact in facts}
        self._who = set(patients.values())
        self._answers: dict[str, _Instant] = {}
        self._marks: dict[str, _Instant] = {}
        self._owners: dict[str, tuple[str, str]] = {}
        self._shared: set[str] = set()
        if len(self._who) > 1:
            for fact in facts:
                self._take(fact)

    def stands(self, fact: Fact) -> bool:
        """Tell whether the group of a fact was not replaced, by way of correction, under another number."""
        group = fact.group
        return group is None or group.stated_at >= self._marks.get(group.key, _NEVER)

    def hidden(self, best: Mapping[FactKey, Fact]) -> set[FactKey]:
        """Return what was taken back under another number, or is said under one as well, by the highest version of each."""
        said: dict[tuple[str, str], list[FactKey]] = defaultdict(list)
        hidden = set()
        for key in self._shared:
            for who in self._who:
                fact = best.get((*who, key))
                if fact is None or fact.is_deleted:
                    continue
                if _instant(fact) < self._answers.get(key, _NEVER):
                    hidden.add((*who, key))
                else:
                    said[key, fact.version.digest].append((*who, key))
        for same in said.values():
            hidden.update(sorted(same, key=lambda place: (_instant(best[place]), place))[:-1])
        return hidden

    def is_apart(self, facts: Iterable[Fact]) -> bool:
        """Tell whether these later facts are of known numbers and repeat no key or group of another number."""
        fresh = tuple(facts)
        if not self._who.issuperset({fact.patient.key for fact in fresh}):
            return False
        if len(self._who) > 1:
            for fact in fresh:
                self._take(fact)
                groups = () if fact.group is None else (_group(fact.group.key),)
                if not self._shared.isdisjoint((fact.key, *groups)):
                    return False
        return True

    def _take(self, fact: Fact) -> None:
        self._note(fact.key, fact)
        if _rank(_instant(fact)) >= _CORRECTED:
            self._answers[fact.key] = max(_instant(fact), self._answers.get(fact.key, _NEVER))
        group = fact.group
        if group is not None:
            self._note(_group(group.key), fact)
            if group.replaces and _rank(group.stated_at) >= _CORRECTED:
                self._marks[group.key] = max(group.stated_at, self._marks.get(group.key, _NEVER))

    def _note(self, name: str, fact: Fact) -> None:
        if self._owners.setdefault(name, fact.patient.key) != fact.patient.key:
            self._shared.add(name)


def _group(key: str) -> str:
    return f"group {key}"


def _instant(fact: Fact) -> _Instant:
    return (fact.version.major, fact.version.minor)


def _rank(stated_at: _Instant) -> int:
    """Return the rank, wherever the feed puts it: no time is so small."""
    return min(stated_at)
