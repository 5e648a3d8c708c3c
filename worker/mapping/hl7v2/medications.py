"""Drugs ordered, dispensed and given. Pure: no I/O, no clock.

Only drugs that the pack maps become facts. Source: HL7 v2.5.1 ch. 4 and 4A: RXE-2, RXD-2, RXG-4, RXO-1, RXA-5; table 0322
(RXA-20), table 0323 (RXA-21), ORC-1 and ORC-5 for what is cancelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from worker.decode.hl7v2 import ResultGroup, Segment
from worker.mapping.concept_spec import Kind
from worker.mapping.concepts import Target
from worker.mapping.hl7v2.context import (
    Context,
    Draft,
    Patient,
    Sheet,
    Statement,
    given,
    make_fact,
    meaning_at,
    place_of,
    with_number,
)
from worker.mapping.hl7v2.times import clinical_time, end_time, stated_at
from worker.mapping.hl7v2.versions import FINAL, WITHDRAWN
from worker.mapping.values import qualifiers_of
from worker.model.fact import Coded
from worker.model.message import Issue
from worker.model.time import ClinicalTime


@dataclass(frozen=True, slots=True)
class _Form:
    """Where a segment keeps its drug, start, end and remarks (field, component)."""

    drug: int
    start: tuple[tuple[int, int], ...]
    end: int | None
    remarks: tuple[int, ...]
    is_dose: bool = False


_FORMS = {
    "RXA": _Form(drug=5, start=((3, 1),), end=4, remarks=(9,), is_dose=True),
    "RXE": _Form(drug=2, start=((1, 4), (32, 1), (18, 1)), end=None, remarks=(7, 21, 27)),
    "RXD": _Form(drug=2, start=((3, 1),), end=None, remarks=(9, 15)),
    "RXG": _Form(drug=4, start=((3, 4),), end=None, remarks=(9, 13)),
    "RXO": _Form(drug=1, start=(), end=None, remarks=(6, 7)),
}
_CANCELLED = frozenset({"CA", "OC", "CR"})
_NOT_GIVEN = frozenset({"RE", "NA"})


def read_treatments(context: Context, patient: Patient, group: ResultGroup, sheet: Sheet) -> None:
    """Turn the drugs of an order into facts. Of RXO and RXE only RXE counts: it is what was made of the request."""
    names = {segment.name for segment in group.treatments}
    for segment in group.treatments:
        form = _FORMS.get(segment.name)
        if form is None or (segment.name == "RXO" and "RXE" in names):
            continue
        target = meaning_at(context, segment, form.drug).target
        if target is not None and target.concept.kind is Kind.MEDICATION:
            _read(context, patient, group, (segment, form, target), sheet)


def _routes(group: ResultGroup, drug: Segment) -> Iterator[str]:
    """Yield the ways by which a drug is given: code and text of each RXR that follows it."""
    after = group.treatments[group.treatments.index(drug) + 1 :]
    for segment in takewhile(lambda other: other.name not in _FORMS, after):
        if segment.name == "RXR":
            yield from (segment.value(1), segment.value(1, 2))


def _read(
    context: Context,
    patient: Patient,
    group: ResultGroup,
    entry: tuple[Segment, _Form, Target],
    sheet: Sheet,
) -> None:
    segment, form, target = entry
    fields = [(f"{segment.name}-{number}", segment.value(number, part)) for number, part in form.start]
    ordered_at = group.orc.value(9) if group.orc else ""
    effective = clinical_time(context, patient, [*fields, ("ORC-9", ordered_at)], place_of(segment))
    if isinstance(effective, Issue):
        sheet.issues.append(effective)
        return
    if form.end is not None:
        effective = end_time(context, effective, segment.value(form.end))
    is_deleted = _is_void(group, segment)
    remarks = (segment.text(number) for number in form.remarks)
    texts = [segment.value(form.drug, 2), *remarks, *_routes(group, segment)]
    qualifiers = set(target.qualifiers) | set(qualifiers_of(target.concept, texts))
    drug = target.answer or segment.value(form.drug, 2) or segment.value(form.drug)
    draft = Draft(
        key=_key(context, patient, group, entry, effective),
        concept=target.concept.id,
        effective=effective,
        value=Coded(drug, segment.value(form.drug, 2) or segment.value(form.drug)),
        place=place_of(segment),
        qualifiers=tuple(sorted(qualifiers)),
    )
    rank = WITHDRAWN if is_deleted else FINAL
    statement = Statement(stated_at(context, [ordered_at]), rank, is_deleted=is_deleted)
    sheet.facts.append(make_fact(context, patient, draft, statement))


def _is_void(group: ResultGroup, segment: Segment) -> bool:
    orc = group.orc
    is_cancelled = orc is not None and (orc.value(1) in _CANCELLED or orc.value(5) == "CA")
    if segment.name != "RXA":
        return is_cancelled
    return is_cancelled or segment.value(20) in _NOT_GIVEN or segment.value(21) == "D"


def _key(
    context: Context,
    patient: Patient,
    group: ResultGroup,
    entry: tuple[Segment, _Form, Target],
    effective: ClinicalTime,
) -> str:
    """Name the statement: the order, and for a single dose its time, because one order has many doses."""
    segment, form, _ = entry
    orc = group.orc
    number = next((text for text in (orc.value(2), orc.value(3)) if given(text)), "") if orc else ""
    code = segment.value(form.drug) or segment.value(form.drug, 2)
    base = f"{context.feed.id}|order|{with_number(context, patient, number)}|{code}"
    return f"{base}|{effective.start_ms}" if form.is_dose or not number else base
