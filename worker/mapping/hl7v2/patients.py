"""PID, MRG and PV1: who the message is about, and who turned out to be one person. Pure: no I/O, no clock.

Source: HL7 v2.5.1 ch. 3: PID-3 (PID-2 and PID-4 in old senders), MRG-1, A18 A24 A30 A34 A36 A39 A40 A45 A46 A47; A37 unlinks.
"""

from __future__ import annotations

from worker.decode.hl7v2 import Field, Segment
from worker.mapping.hl7v2.context import Context, Draft, Patient, Sheet, Statement, given, make_fact, place_of
from worker.mapping.hl7v2.times import read_time
from worker.mapping.hl7v2.versions import FINAL
from worker.mapping.identity import Number
from worker.model.errors import MappingError
from worker.model.fact import Identifier, IdentityLink, Moment
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime, EpochMs

MERGES = frozenset({"A18", "A30", "A34", "A36", "A39", "A40", "A45", "A46", "A47"})
LINKS = {"A24": "merge", "A37": "unlink"}

_NUMBER_FIELDS = (3, 2, 4)


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
    sheet.links.extend(context.feed.authorities.links(identifiers, "same-pid", context.message_at_ms or 0))
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
    found = [_identifiers_of(context, pid) for pid in context.message.all("PID")]
    first = found[0] if found else ()
    for other in found[1:]:
        sheet.meet(other)
        sheet.links.extend(_between(context, first, other, kind))


def _merge(context: Context, pid: Segment | None, mrg: Segment, sheet: Sheet) -> None:
    kept = _identifiers_of(context, pid) if pid else ()
    numbers = [_number(field) for field in mrg.repeats(1)]
    merged = context.feed.authorities.identifiers(numbers, _fallback(context))
    if not kept or not merged:
        raise MappingError("no usable patient number", place_of(mrg, 1))
    sheet.meet(merged)
    sheet.links.extend(_between(context, kept, merged, "merge"))


def _between(
    context: Context, kept: tuple[Identifier, ...], others: tuple[Identifier, ...], kind: str
) -> list[IdentityLink]:
    authorities = context.feed.authorities
    stated_at_ms: EpochMs = context.message_at_ms or 0
    first = next((identifier for identifier in kept if authorities.may_join(identifier)), None)
    return [
        IdentityLink(first, other, kind, stated_at_ms)
        for other in others
        if first is not None and first.key != other.key and authorities.may_join(other)
    ]


def _identifiers_of(context: Context, pid: Segment) -> tuple[Identifier, ...]:
    for number in _NUMBER_FIELDS:
        numbers = [_number(field) for field in pid.repeats(number)]
        found = context.feed.authorities.identifiers(numbers, _fallback(context))
        if found:
            return found
    return ()


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
