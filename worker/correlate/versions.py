"""Find what stands now among all versions of all statements, whatever their order of arrival. Pure: no I/O, no clock.

Three rules, and no others:

1. *Group.* Where a message replaces a group (an OBR, a document), statements of that group which an older message made do not
   stand, repeated or not. What a document was to replace that could not be read falls once that is read, or something in its
   place is.
2. *Version.* Of what is left, the highest version of each (number of the patient, key) stands, unless it is a deletion.
3. *Numbers.* A patient has several numbers, and what was said under one may be corrected under another after a merge. What
   corrects, cancels or withdraws under any number also takes back older versions of the same key or group under the others;
   what says the same under two numbers stands once. Anything else stands under each number: two people who were joined by
   mistake may have been measured in the same minute.

All take maxima over sets, so the outcome is the same for any permutation, repetition or split of the facts, and a
correction or deletion may come before what it corrects. How notes that repeat lines are dated then says `retelling`.

Source: HL7 v2.5.1 ch. 7 (OBX-11, table 0085; OBR-22, OBR-25).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.correlate.numbers import Numbers
from worker.correlate.retelling import Retelling, document_of
from worker.model.document import NOTE, UNREAD, replaced_keys
from worker.model.message import Issue, IssueKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from worker.model.fact import Fact

FactKey = tuple[str, str, str]
_GroupKey = tuple[str, str, str]
_Marks = dict[_GroupKey, tuple[int, int]]
BIRTH_DATE = "birth-date"


@dataclass(frozen=True, slots=True)
class CurrentFacts:
    """What stands now.

    Shape: `facts` sorted by (patient, key), no deletions; `ties` one issue for each statement whose highest version was made
    twice with different content (the greater digest stands, so that the choice does not depend on arrival).
    """

    facts: tuple[Fact, ...]
    ties: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What stands otherwise after more facts came: those that stand no longer, and those that stand now."""

    removed: tuple[Fact, ...]
    added: tuple[Fact, ...]

    @property
    def concepts(self) -> frozenset[str]:
        """Return the concepts of which something changed; a birth date that is told again has not."""
        told = {fact.concept for fact in (*self.removed, *self.added)}
        dates = {fact.value for fact in (*self.removed, *self.added) if fact.concept == BIRTH_DATE}
        return frozenset(told - {BIRTH_DATE} if self.removed and len(dates) == 1 else told)


def current_facts(facts: Iterable[Fact]) -> CurrentFacts:
    """Fold versions of statements into what stands now.

    Shape: `facts` of one patient group in any order, repeats allowed.
    """
    return Fold(facts).current()


class Fold:
    """Versions of statements of one patient group, folded so far."""

    __slots__ = (
        "_best",
        "_crossed",
        "_groups",
        "_marks",
        "_notes",
        "_numbers",
        "_settled",
        "_tied",
        "_unread",
    )

    def __init__(self, facts: Iterable[Fact], kinds: Mapping[str, Iterable[str]] | None = None) -> None:
        """Fold `facts`, in any order, repeats allowed; `kinds` as `Retelling` takes them."""
        known = facts if isinstance(facts, (tuple, list)) else tuple(facts)
        self._numbers = Numbers(known)
        self._marks = _marks(known)
        self._unread = {_group_key(fact) for fact in known if fact.concept == UNREAD and replaced_keys(fact)}
        self._groups: dict[_GroupKey, set[FactKey]] = {}
        self._crossed: set[FactKey] = set()
        self._best: dict[FactKey, Fact] = {}
        self._tied: dict[FactKey, tuple[int, int]] = {}
        for fact in known:
            self._take(fact)
        self._notes = Retelling(kinds or {})
        self._settled = self._notes.settle(self._notes.take(known) or (), self._best)

    def current(self) -> CurrentFacts:
        """Give what stands."""
        ordered = sorted(self._best.items(), key=_first)
        hidden = self._numbers.hidden(self._best)
        standing = (self._standing(key) for key, _ in ordered if key not in hidden)
        return CurrentFacts(tuple(fact for fact in standing if fact is not None), self.ties)

    @property
    def ties(self) -> tuple[Issue, ...]:
        """Give one issue for each statement whose highest version was made twice with different content."""
        best = self._best
        return tuple(
            _tie_issue(best[key]) for key in sorted(self._tied) if self._tied[key] == _instant(best[key])
        )

    def add(self, facts: Iterable[Fact]) -> Change | None:
        """Fold more facts; None where they change what was folded otherwise than fact by fact: then all are folded anew."""
        fresh = facts if isinstance(facts, (tuple, list)) else tuple(facts)
        if not self._numbers.is_apart(fresh) or any(map(self._may_answer, fresh)):
            return None
        stood = {key: self._standing(key) for key in self._notes.keys(fresh)}
        settled_anew = stood.keys() | {_key(fact) for fact in fresh if document_of(fact) is not None}
        for fact in fresh:
            falling = self._falling(fact)
            if not self._crossed.isdisjoint(falling) or self._numbers.share(falling):
                return None
            for key in (*falling, _key(fact)):
                if key not in stood:
                    stood[key] = self._standing(key)
            for key in falling:
                del self._best[key]
                self._tied.pop(key, None)
            self._take(fact)
        told = self._notes.take(fresh)
        if told is None or any(key in self._settled for key in stood.keys() - settled_anew):
            return None
        for key in settled_anew:
            self._settled.pop(key, None)
        self._settled.update(self._notes.settle(told, self._best))
        changes = [(was, now) for key, was in stood.items() if (now := self._standing(key)) is not was]
        return Change(
            tuple(was for was, _ in changes if was is not None),
            tuple(now for _, now in changes if now is not None),
        )

    def _standing(self, key: FactKey) -> Fact | None:
        """Return what stands of a statement, as notes that tell again date it."""
        fact = self._best.get(key)
        return None if fact is None or fact.is_deleted else self._settled.get(key, fact)

    def _may_answer(self, fact: Fact) -> bool:
        """Tell whether a fact may take back what a document wanted to replace that could not be read, or is of such a one."""
        if fact.concept == UNREAD:
            return bool(replaced_keys(fact))
        return fact.concept == NOTE and not self._unread.isdisjoint((_group_key(fact), *_replaced(fact)))

    def _falling(self, fact: Fact) -> Sequence[FactKey]:
        """Return what stands and falls by a fact that replaces its group; note when the group was replaced."""
        group, key = fact.group, _group_key(fact)
        if group is None or not group.replaces or group.stated_at <= self._marks.get(key, _NEVER):
            return ()
        self._marks[key] = group.stated_at
        known = self._groups.get(key, set())
        falling = [each for each in known if _stated_at(self._best[each]) < group.stated_at]
        known.difference_update(falling)
        return falling

    def _take(self, fact: Fact) -> None:
        if self._marks and not (_stands(fact, self._marks) and self._numbers.stands(fact)):
            return
        key = (fact.patient.authority, fact.patient.value, fact.key)
        best = self._best
        if fact.group is not None:
            self._groups.setdefault(_group_key(fact), set()).add(key)
        rival = best.setdefault(key, fact)
        if rival is not fact:
            higher = best[key] = _higher(rival, fact)
            if _would_outlive(fact if higher is rival else rival, higher):
                self._crossed.add(key)
            if _is_tie(rival, fact):
                self._tied[key] = (fact.version.major, fact.version.minor)


def _key(fact: Fact) -> FactKey:
    return (fact.patient.authority, fact.patient.value, fact.key)


def _group_key(fact: Fact) -> _GroupKey:
    return (fact.patient.authority, fact.patient.value, fact.group.key if fact.group is not None else "")


def _marks(facts: Iterable[Fact]) -> _Marks:
    """Return for each group the newest message that replaced it."""
    marks: _Marks = {}
    for fact in facts:
        group = fact.group
        if group is not None and group.replaces:
            key = (fact.patient.authority, fact.patient.value, group.key)
            if group.stated_at > marks.get(key, _NEVER):
                marks[key] = group.stated_at
    return _replaced_through_unread(facts, marks)


_NEVER = (-(2**63), -(2**63))


def _replaced_through_unread(facts: Iterable[Fact], marks: _Marks) -> _Marks:
    """Let a document that was read whole take back what those wanted to replace that could not be, and in whose place it came.

    A scan takes nothing back; who reads it later, or writes anew what it said, does.
    """
    waiting = [
        (_group_key(fact), fact.group.stated_at, key)
        for fact in facts
        if fact.concept == UNREAD and fact.group is not None
        for key in _replaced(fact)
    ]
    if not waiting:
        return marks
    read: _Marks = {}
    for fact in facts:
        if fact.concept == NOTE and fact.group is not None and fact.group.replaces and not fact.is_deleted:
            for key in (_group_key(fact), *_replaced(fact)):
                read[key] = max(fact.group.stated_at, read.get(key, _NEVER))
    is_settled = False
    while not is_settled:
        is_settled = True
        for document, stated_at, older in waiting:
            read_at = read.get(document, _NEVER)
            if read_at > max(stated_at, read.get(older, _NEVER)):
                read[older] = read_at
                marks[older] = max(read_at, marks.get(older, _NEVER))
                is_settled = False
    return marks


def _replaced(fact: Fact) -> Iterator[_GroupKey]:
    return ((*fact.patient.key, key) for key in replaced_keys(fact))


def _stands(fact: Fact, marks: _Marks) -> bool:
    group = fact.group
    if group is None:
        return True
    mark = marks.get((fact.patient.authority, fact.patient.value, group.key))
    return mark is None or group.stated_at >= mark


def _first(item: tuple[FactKey, Fact]) -> FactKey:
    return item[0]


def _stated_at(fact: Fact) -> tuple[int, int]:
    return fact.group.stated_at if fact.group is not None else _NEVER


def _instant(fact: Fact) -> tuple[int, int]:
    return (fact.version.major, fact.version.minor)


def _fold_rank(fact: Fact) -> tuple[object, ...]:
    """Order versions of one statement totally; where content is equal, by where it was read, so that any order chooses one."""
    source, group = fact.source, fact.group
    stated = (1, group.key, group.stated_at, group.replaces) if group else (0, "", _NEVER, False)
    return (
        *(fact.version.major, fact.version.minor, fact.version.digest, *stated),
        *(source.message_id, source.place, source.feed, source.received_at_ms, fact.qualifiers),
    )


def _higher(one: Fact, other: Fact) -> Fact:
    if one.version != other.version:
        return one if one.version > other.version else other
    return one if _fold_rank(one) >= _fold_rank(other) else other


def _would_outlive(lower: Fact, higher: Fact) -> bool:
    """Tell whether the lower version of a statement stands longer when the group of the higher one is replaced."""
    one, other = lower.group, higher.group
    if one is other or other is None:
        return False
    return one is None or one.key != other.key or one.stated_at > other.stated_at


def _is_tie(one: Fact, other: Fact) -> bool:
    return _instant(one) == _instant(other) and one.version.digest != other.version.digest


def _tie_issue(fact: Fact) -> Issue:
    return Issue(IssueKind.VERSION_TIE, fact.source.place, f"{fact.source.feed}|{fact.concept}")
