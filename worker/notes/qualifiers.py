"""Qualify the findings of a sentence: how bad, where, since when. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.notes.parts import words_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.notes.context import Reading
    from worker.notes.lexicon import Mark
    from worker.notes.lexicon_spec import QualifierSpec
    from worker.notes.parts import Stated
    from worker.notes.phrases import Hit

MILD, SEVERE, BASELINE = "mild", "severe", "baseline"
_SIDES = frozenset({"left", "right", "bilateral"})
_PARTS = frozenset({"segment", "tail"})
AFTER_LP = "after-lp"
"""The group of phrases that place a complaint after the LP, whatever section it stands in."""
DATED = "dated"
"""The group of phrases that say when: a sentence with one is no point of the list before its semicolon."""


def qualify(reading: Reading, stated: Sequence[Stated]) -> list[set[str]]:
    """Return the qualifiers of each finding of a sentence, in their order."""
    found: list[set[str]] = [set() for _ in stated]
    if not reading.marks:
        _add_scores(reading, stated, found)
        return found
    later: list[tuple[int, QualifierSpec]] = []
    for position, spec, hit in _all_reached(reading, stated):
        is_elsewhere = spec.id in _SIDES and reading.parts(stated[position], hit)
        if spec.beside or spec.replaces:
            later.append((position, spec))
        elif not is_elsewhere or found[position].isdisjoint(_SIDES):  # not "right arm weak, left leg well"
            found[position].add(spec.means or spec.id)
    for position, spec in later:
        if not spec.beside or not found[position].isdisjoint(spec.beside):
            found[position].add(spec.means or spec.id)
            found[position].difference_update(spec.replaces)
    _add_scores(reading, stated, found)
    return found


def _all_reached(
    reading: Reading, stated: Sequence[Stated]
) -> Iterator[tuple[int, QualifierSpec, Hit[Mark]]]:
    """Give each finding, by its position, with each qualifier that belongs to it and the words that say so."""
    for hit in reading.marks:
        for mark in hit.meanings:
            for spec in specs_of(reading, mark):
                for position in _reached(reading, hit, spec, stated):
                    yield position, spec, hit


def specs_of(reading: Reading, mark: Mark) -> Sequence[QualifierSpec]:
    """Return what a mark may say; a complaint after the LP was not there "on admission", whoever says so in its sentence."""
    qualifiers = reading.lexicon.qualifiers
    if mark.kind == "qualifier":
        spec = qualifiers[mark.id]
        is_out = (spec.means or spec.id) == BASELINE and spec.side == "either" and AFTER_LP in reading.groups
        return () if is_out else (spec,)
    if mark.kind == "group":
        return reading.lexicon.of_groups.get(mark.id, ())
    return ()


def _reached(reading: Reading, hit: Hit[Mark], spec: QualifierSpec, stated: Sequence[Stated]) -> list[int]:
    """Return which findings a qualifier belongs to: all in its reach; of those in a segment on either side, the nearest."""
    reached = [
        position
        for position, finding in enumerate(stated)
        if (not spec.of or finding.finding in spec.of) and _is_near(reading, hit, finding, spec)
    ]
    reached = [at for at in reached if (stated[at].first, stated[at].after) in reading.mentioned]
    if spec.reach == "sentence" or spec.side == "before" or not reached:
        return reached
    nearest = stated[min(reached, key=lambda position: _distance(hit, stated[position]))]
    if spec.reach == "tail" and reading.parts(nearest, hit):  # said of all the part before it
        return [position for position in reached if reading.in_part(stated[position], nearest)]
    place = (nearest.first, nearest.after)
    return [
        position
        for position in reached
        if (stated[position].first, stated[position].after) == place
        or reading.is_placed_by(hit, stated[position])
    ]


def _is_near(reading: Reading, hit: Hit[Mark], finding: Stated, spec: QualifierSpec) -> bool:
    if spec.side == "before" and hit.after > finding.first:
        return False
    if spec.reach in _PARTS and hit.first >= finding.after and reading.is_of_another(hit):
        return False
    is_near = spec.reach in _PARTS and (reading.is_behind(hit, finding) or reading.is_placed_by(hit, finding))
    if not is_near and not reading.joins(hit, finding, spec.reach):
        return False
    reach = "segment" if spec.reach == "brackets" else spec.reach
    return not reading.is_forbidden(spec, reach, finding)


def _distance(hit: Hit[Mark], finding: Stated) -> tuple[int, int]:
    return (words_between(hit, finding), int(hit.after > finding.first))


def _add_scores(reading: Reading, stated: Sequence[Stated], found: list[set[str]]) -> None:
    scores, given = reading.lexicon.scores, reading.sentence.scores
    if scores is None or not given:
        return
    scored = [
        (reading.span(finding)[0], at) for at, finding in enumerate(stated) if finding.finding in scores.of
    ]
    for position, score in given:
        before = [at for start, at in scored if start < position]
        owner = before[-1] if before else (scored[0][1] if scored else None)
        if owner is not None and score <= scores.mild_up_to:
            found[owner].add(MILD)
        elif owner is not None and score >= scores.severe_from:
            found[owner].add(SEVERE)
