"""What messages say of one visit, one by one, made one visit. Pure: no I/O, no clock.

A sender tells of a visit bit by bit: the registration says since when, an update hours later why, a change of class neither.
Whatever is sent again, and in whatever order:

- a visit begins at its admission time (PV1-44) as it was stated last; where none was, at the earliest event that tells of it;
- its reason is the last one that was given: what says no reason takes none back; whether it was planned likewise;
- an update alone (A08 without an admission time, of a visit that nobody announced) does not say since when the patient is
  there. It counts as a visit from its first update on where the patient had another visit before; else it is left out;
- a number may be used again: who left (A03, unless A13 takes it back) and is admitted after it begins another visit, which an
  update alone does not.

Source: HL7 v2.5.1 ch. 3 (A03, A08, A13, PV1-19, PV1-44, PV2-3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from worker.correlate.index import rank_fact
from worker.model.fact import LEFT, PLANNED, STAYED, UNANNOUNCED, UNPLANNED, EncounterValue, Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.model.time import EpochMs

ENCOUNTER = "encounter"
_UNKNOWN = "unknown"
_KINDS = frozenset({PLANNED, UNPLANNED})
_INTERNAL = frozenset({UNANNOUNCED, UNPLANNED})
_MARKS = frozenset({LEFT, STAYED})
_NO_WORDS = _KINDS | _INTERNAL
_ENDING = f"|{ENCOUNTER}"


def settle_visits(facts: Sequence[Fact]) -> Sequence[Fact]:
    """Make one fact of all that HL7 v2 messages say of a visit; an `Encounter` is told whole and stays as it is.

    Shape: `facts` the current facts of concept "encounter" of a patient group, in any order; the very same are returned where
    none of them tells of a visit in part, or of its kind.
    """
    parted = {_visit(fact) for fact in facts if _is_part(fact)}
    if not parted:
        return [*map(_as_told, facts)] if any(UNPLANNED in fact.qualifiers for fact in facts) else facts
    told: dict[str, list[Fact]] = {}
    whole: list[Fact] = []
    for fact in facts:
        visit = _visit(fact)
        if visit in parted and _name(fact).endswith(_ENDING):
            told.setdefault(visit, []).append(fact)
        else:
            whole.append(fact)
    made = [each for visit in sorted(parted) for each in _visits(told[visit], whole)]
    begun = [fact for fact in (*whole, *made) if UNANNOUNCED not in fact.qualifiers]
    counted = (fact for fact in made if UNANNOUNCED not in fact.qualifiers or _is_after(fact, begun))
    return [_as_told(fact) for fact in (*whole, *counted)]


def _as_told(fact: Fact) -> Fact:
    """Leave out what only the mapping and this module say to each other."""
    if _INTERNAL.isdisjoint(fact.qualifiers):
        return fact
    return replace(fact, qualifiers=tuple(each for each in fact.qualifiers if each not in _INTERNAL))


def _name(fact: Fact) -> str:
    """Return what names the visit in the keys of all that is said of it."""
    return fact.key if fact.group is None else fact.group.key


def _is_part(fact: Fact) -> bool:
    return fact.key != _name(fact) and _name(fact).endswith(_ENDING)


def _visit(fact: Fact) -> str:
    return fact.value.visit if isinstance(fact.value, EncounterValue) else ""


def _is_after(fact: Fact, others: Iterable[Fact]) -> bool:
    return any(_start(other) < _start(fact) for other in others)


def _visits(told: Iterable[Fact], whole: Sequence[Fact]) -> list[Fact]:
    """Put together what is said under one number; `whole` are visits that are told as a whole, of which some may be these."""
    stays: list[list[Fact]] = [[]]
    ends: list[EpochMs] = []
    left_ms: EpochMs | None = None
    for fact in sorted(told, key=_happened):
        if not _MARKS.isdisjoint(fact.qualifiers):
            left_ms = _start(fact) if LEFT in fact.qualifiers else None
        elif left_ms is None or not stays[-1] or UNANNOUNCED in fact.qualifiers:
            stays[-1].append(fact)
        else:
            stays.append([fact])
            ends.append(left_ms)
            left_ms = None
    if not stays[0]:
        return []
    own = [fact for fact in whole if _visit(fact) == _visit(stays[0][0])]
    made: list[Fact] = []
    for stay, began_ms, end_ms in zip(stays, [0, *ends], [*ends, None], strict=True):
        same = [
            fact for fact in own if _start(fact) >= began_ms and (end_ms is None or _start(fact) < end_ms)
        ]
        visit = _one_visit(stay, same)
        if end_ms is not None:
            visit = replace(visit, effective=replace(visit.effective, end_ms=end_ms))
        made.append(replace(visit, key=f"{visit.key}|{_start(visit)}") if made else visit)
    return made


def _happened(fact: Fact) -> tuple[object, ...]:
    """Sort by when it was; at one instant the patient leaves before he is admitted again."""
    mark = next((place for place, each in enumerate((LEFT, STAYED)) if each in fact.qualifiers), 2)
    return (_start(fact), mark, *_age(fact))


def _one_visit(told: Iterable[Fact], same: Sequence[Fact]) -> Fact:
    """Put together what is said of one visit; `same` are facts that tell of it as a whole."""
    by_version = sorted(told, key=_age)
    reasons = [fact for fact in by_version if _reason(fact)]
    last = reasons[-1] if reasons else by_version[-1]
    first = next(fact for fact in by_version if _said(fact) == _said(last))
    said = {*_words(first), *(each for fact in by_version if not _reason(fact) for each in _words(fact))}
    kinds = (_KINDS.intersection(fact.qualifiers) for fact in reversed(by_version))
    said.update(next(filter(None, kinds), ()))
    if not same and all(UNANNOUNCED in fact.qualifiers for fact in by_version):
        said.add(UNANNOUNCED)
    return replace(
        first,
        key=_name(first),
        effective=_since(by_version, same).effective,
        value=EncounterValue(_class(by_version), _visit(first), _reason(first)),
        qualifiers=tuple(sorted(said)),
    )


def _since(by_version: Sequence[Fact], same: Sequence[Fact]) -> Fact:
    """Return what says since when: the last that states an admission time, else the earliest event."""
    dated = [fact for fact in by_version if not fact.key.endswith(f"|{_start(fact)}")]
    return dated[-1] if dated else min((*by_version, *same), key=lambda fact: (_start(fact), *_age(fact)))


def _class(by_version: Sequence[Fact]) -> str:
    """Return the last class that is known."""
    classes = [fact.value.encounter_class for fact in by_version if isinstance(fact.value, EncounterValue)]
    return next((name for name in reversed(classes) if name != _UNKNOWN), _UNKNOWN)


def _reason(fact: Fact) -> str:
    return fact.value.reason if isinstance(fact.value, EncounterValue) else ""


def _said(fact: Fact) -> tuple[object, ...]:
    return (_reason(fact), *_words(fact))


def _words(fact: Fact) -> list[str]:
    """Return what the words of the reason mean."""
    return [each for each in fact.qualifiers if each not in _NO_WORDS]


def _start(fact: Fact) -> EpochMs:
    return fact.effective.start_ms


def _age(fact: Fact) -> tuple[object, ...]:
    return (fact.version.stated_ms, fact.version, rank_fact(fact))
