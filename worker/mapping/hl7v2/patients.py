"""PID, MRG and PV1: who the message is about, and who turned out to be one person. Pure: no I/O, no clock.

| trigger | what it does |
|---|---|
| A18 A24 A30 A34 A36 A39 A40 A46 A47 | joins |
| A37 | parts |
| A43 | parts the number that both name from the other numbers of MRG-1; joins for a while where they have none in common |
| A44 A45 | joins for a while: what was filed under the wrong patient before is kept only so long |

Source: HL7 v2.5.1 ch. 3: PID-3 (PID-2 and PID-4 in old senders), MRG-1 (MRG-4 and MRG-2), 3.5.2 on merge, move and change;
ADR 0041.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from worker.decode.hl7v2 import Field, Segment
from worker.mapping.hl7v2.context import Context, Draft, Patient, Sheet, Statement, given, make_fact, place_of
from worker.mapping.hl7v2.times import read_time
from worker.mapping.hl7v2.versions import FINAL
from worker.mapping.identity import Number
from worker.model.errors import MappingError
from worker.model.fact import MERGE, MOVED, SAME_PID, UNLINK, Identifier, IdentityLink, Moment
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime

MERGES = {
    **dict.fromkeys(("A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47"), MERGE),
    **dict.fromkeys(("A43", "A44", "A45"), MOVED),
}
LINKS = {"A24": MERGE, "A37": UNLINK}

_NUMBER_FIELDS = {"PID": (3, 2, 4), "MRG": (1, 4, 2)}
_MOVED_NUMBER = "A43"


def read_patient(context: Context, pid: Segment, pv1: Segment | None, sheet: Sheet) -> Patient:
    """Read who a part of the message is about, and note identifiers, links and the birth date.

    Raises: MappingError where no number names a patient.
    """
    identifiers = _identifiers_of(context, pid)
    if not identifiers:
        raise MappingError("no usable patient number", place_of(pid, 3))
    born = _birth(context, pid, sheet)
    visit = pv1.value(19) if pv1 else ""
    patient = Patient(identifiers, given(visit), born.start_ms if born else None)
    sheet.meet(identifiers)
    sheet.links.extend(context.feed.authorities.links(identifiers, SAME_PID, context.message_at_ms or 0))
    if born:
        key = f"{context.feed.id}|PID-7"
        draft = Draft(key, "birth-date", born, Moment(born.start_ms), place_of(pid, 7))
        sheet.facts.append(make_fact(context, patient, draft, Statement(context.message_at_ms or 0, FINAL)))
    return patient


def read_merges(context: Context, sheet: Sheet) -> None:
    """Link the numbers of each MRG with those of the PID before it.

    Raises: MappingError where a PID or MRG has no usable number.
    """
    pid: Segment | None = None
    for segment in context.message.segments:
        if segment.name == "PID":
            pid = segment
        elif segment.name == "MRG":
            _merge(context, pid, segment, sheet)


def read_links(context: Context, kind: str, sheet: Sheet) -> None:
    """Link or unlink the patients of the two PID of an A24 or A37."""
    first, *others = context.message.all("PID")
    for other in others:
        one, two = _both(context, first, other)
        sheet.meet(two.all)
        sheet.links.extend(_between(context, one, two, kind))


class _Named(NamedTuple):
    """Who is joined or parted: the numbers of a segment, and those that have their authority from the other side."""

    own: tuple[Identifier, ...]
    lent: tuple[Identifier, ...] = ()

    @property
    def all(self) -> tuple[Identifier, ...]:
        return (*self.own, *self.lent)


def _merge(context: Context, pid: Segment | None, mrg: Segment, sheet: Sheet) -> None:
    kept, gone = _both(context, pid, mrg) if pid else (_Named(()), _Named(()))
    if not kept.own or not gone.own:
        raise MappingError("no usable patient number", place_of(mrg, 1))
    sheet.meet(gone.all)
    moved = {each.key for each in kept.all} & {each.key for each in gone.all}
    if context.trigger != _MOVED_NUMBER or not moved:
        sheet.links.extend(_between(context, kept, gone, MERGES[context.trigger]))
        return
    numbers = tuple(each for each in gone.all if each.key in moved)
    rest = tuple(each for each in gone.all if each.key not in moved)
    sheet.links.extend(_between(context, _Named(numbers), _Named(rest), UNLINK))
    sheet.links.extend(context.feed.authorities.links(rest, SAME_PID, context.message_at_ms or 0))


def _between(context: Context, kept: _Named, others: _Named, kind: str) -> list[IdentityLink]:
    """Link the first number of one with those of the other, or part all of one from all of the other."""
    may_join = context.feed.authorities.may_join
    mine, theirs = (list(filter(may_join, some.all)) for some in (kept, others))
    ones, twos = (mine, theirs) if kind == UNLINK else (mine[:1], [*filter(may_join, kept.lent), *theirs])
    return [
        IdentityLink(one, two, kind, context.message_at_ms or 0)
        for one in ones
        for two in twos
        if one.key != two.key
    ]


def _both(context: Context, one: Segment, other: Segment) -> tuple[_Named, _Named]:
    (first, first_own), (second, second_own) = _read_numbers(context, one), _read_numbers(context, other)
    return (
        _Named(first_own, _identifiers(context, _lent(first, second))),
        _Named(second_own, _identifiers(context, _lent(second, first))),
    )


def _lent(numbers: Iterable[Number], others: Iterable[Number]) -> list[Number]:
    """Give numbers that name no authority that of the first of these others, of the same type if they have one."""
    found = []
    for number in numbers:
        lenders = (each for each in others if each.authority and number.type in {"", each.type})
        lender = None if number.authority else next(lenders, None)
        if lender is not None:
            found.append(Number(number.value, lender.authority, lender.type))
    return found


def _identifiers_of(context: Context, pid: Segment) -> tuple[Identifier, ...]:
    return _read_numbers(context, pid)[1]


def _read_numbers(context: Context, segment: Segment) -> tuple[list[Number], tuple[Identifier, ...]]:
    """Read the numbers of the first field that names a patient, and whom they name."""
    for field in _NUMBER_FIELDS[segment.name]:
        numbers = [_number(repeat) for repeat in segment.repeats(field)]
        found = _identifiers(context, numbers)
        if found:
            return numbers, found
    return [], ()


def _identifiers(context: Context, numbers: Iterable[Number]) -> tuple[Identifier, ...]:
    return context.feed.authorities.identifiers(numbers, _fallback(context))


def _number(field: Field) -> Number:
    """Read CX: number, assigning authority (namespace, else universal id), type."""
    value, _, _, authority, kind = field.components(5)
    return Number(given(value), given(authority or field.component(4, 2)), given(kind))


def _fallback(context: Context) -> str:
    return context.message.peek.sending_facility or context.feed.id


def _birth(context: Context, pid: Segment, sheet: Sheet) -> ClinicalTime | None:
    text = given(pid.value(7))
    if not text:
        return None
    found = read_time(context, text)
    if found is None or (context.message_at_ms is not None and found.at_ms > context.message_at_ms):
        sheet.issues.append(Issue(IssueKind.BAD_TIME, place_of(pid, 7), "PID-7: not a birth date"))
        return None
    return ClinicalTime(found.at_ms, found.precision, "PID-7")
