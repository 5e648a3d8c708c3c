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

    from worker.model.fact import Fact, Identifier

FactKey = tuple[str, str, str]
PatientKey = tuple[str, str]
_Instant = tuple[int, int]

_CORRECTED = 3
"""From this rank on a statement corrects, cancels or withdraws (`mapping.hl7v2.versions`, `mapping.fhir.status`)."""
_NEVER = (-(2**63), -(2**63))


class Numbers:
    """What the numbers of one patient have in common; of a patient with one number, nothing."""

    __slots__ = ("_answers", "_groups", "_keys", "_marks", "_shared")

    def __init__(self, facts: Sequence[Fact]) -> None:
        """Look through all versions of all statements."""
        self._keys: dict[PatientKey, set[str]] = {who: set() for who in _patients(facts)}
        self._groups: dict[PatientKey, set[str]] = {who: set() for who in self._keys}
        self._shared: set[str] = set()
        self._answers: dict[str, _Instant] = {}
        self._marks: dict[str, _Instant] = {}
        if len(self._keys) > 1 and self._meet(facts):
            self._answer(facts)

    def stands(self, fact: Fact) -> bool:
        """Tell whether the group of a fact was not replaced, by way of correction, under another number."""
        group = fact.group
        return group is None or group.stated_at >= self._marks.get(group.key, _NEVER)

    def hidden(self, best: Mapping[FactKey, Fact]) -> set[FactKey]:
        """Return what was taken back under another number, or is said under one as well, by the highest version of each."""
        said: dict[tuple[str, str], list[FactKey]] = defaultdict(list)
        hidden = set()
        for key in self._shared:
            for who in self._keys:
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

    def is_apart(self, facts: Sequence[Fact]) -> bool:
        """Tell whether these later facts are of known numbers and repeat no key or group of another number."""
        if not self._keys.keys() >= _patients(facts):
            return False
        return len(self._keys) == 1 or not self._meet(facts)

    def share(self, keys: Iterable[FactKey]) -> bool:
        """Tell whether some of these keys are those of another number as well."""
        return any(key in self._shared for *_, key in keys)

    def _meet(self, facts: Iterable[Fact]) -> bool:
        """Tell whether these facts have keys or groups in common with another number, and note the keys that are shared."""
        fresh: dict[int, tuple[Identifier, set[str], set[str]]] = {}
        for fact in facts:
            who = fact.patient
            known = fresh.get(id(who))
            if known is None:
                known = fresh[id(who)] = (who, set(), set())
            known[1].add(fact.key)
            if fact.group is not None:
                known[2].add(fact.group.key)
        is_shared = False
        for who, keys, groups in fresh.values():
            for other in self._keys:
                if other != who.key:
                    both = keys & self._keys[other]
                    self._shared |= both
                    is_shared = is_shared or bool(both) or not groups.isdisjoint(self._groups[other])
            self._keys[who.key] |= keys
            self._groups[who.key] |= groups
        return is_shared

    def _answer(self, facts: Iterable[Fact]) -> None:
        """Note what corrects, cancels or withdraws a key that more than one number has, or a group as a whole."""
        for fact in facts:
            group = fact.group
            if fact.key in self._shared and _rank(_instant(fact)) >= _CORRECTED:
                self._answers[fact.key] = max(_instant(fact), self._answers.get(fact.key, _NEVER))
            if group is not None and group.replaces and _rank(group.stated_at) >= _CORRECTED:
                self._marks[group.key] = max(group.stated_at, self._marks.get(group.key, _NEVER))


def _patients(facts: Sequence[Fact]) -> set[PatientKey]:
    """Return the numbers that facts are filed under; most facts share theirs."""
    return {who.key for who in {id(fact.patient): fact.patient for fact in facts}.values()}


def _instant(fact: Fact) -> _Instant:
    return (fact.version.major, fact.version.minor)


def _rank(stated_at: _Instant) -> int:
    """Return the rank, wherever the feed puts it: no time is so small."""
    return min(stated_at)
