"""Lumbar punctures in orders and reports. Pure: no I/O, no clock.

What ORC-1, ORC-5 and OBR-25 say of the procedure is a table of the feed; text that comes with it may know better whether the
needle passed, and says why it was done. Source: HL7 v2.5.1 ch. 4 (ORC-16, OBR-13, OBR-31; tables 0119, 0038), ch. 7 (table
0123).
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import structs

from worker.decode.hl7v2 import ResultGroup, Segment
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
from worker.mapping.hl7v2.documents import PUNCTURE, has_text_type, observation_text, refine
from worker.mapping.hl7v2.times import (
    LATER,
    VAGUE,
    clinical_time,
    end_time,
    filing_time,
    procedure_end,
    stated_at,
)
from worker.mapping.hl7v2.versions import CORRECTED, FINAL, REGISTERED, WITHDRAWN
from worker.mapping.indications import INDICATION, read_indication
from worker.model.fact import Group, Puncture, PunctureSource, PunctureStatus
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime
from worker.notes.reader import UNREAD_REST, NoteDocument, NotePuncture

_HAPPENED = frozenset({PunctureStatus.COMPLETED, PunctureStatus.ATTEMPTED})
_RANKS = {
    PunctureStatus.PLANNED: REGISTERED,
    PunctureStatus.COMPLETED: FINAL,
    PunctureStatus.ATTEMPTED: CORRECTED,
    PunctureStatus.CANCELLED: WITHDRAWN,
}


@dataclass(frozen=True, slots=True)
class _Order:
    """The times of an order, as named in the standard, the clinical one first; and where that stands."""

    times: tuple[tuple[str, str], ...]
    place: str


def is_puncture(context: Context, group: ResultGroup) -> bool:
    """Tell whether the order is for a lumbar puncture."""
    target = meaning_at(context, group.obr, 4).target if group.obr else None
    return target is not None and target.concept.id == PUNCTURE


def ordered_status(context: Context, group: ResultGroup) -> PunctureStatus:
    """Return what the order says of its procedure; planned where no row of the feed's table fits."""
    orc, obr = group.orc, group.obr
    control, status = (orc.value(1), orc.value(5)) if orc else ("", "")
    result, at = (obr.value(25), given(obr.value(7))) if obr else ("", "")
    found = context.feed.puncture_status(control, status, result, has_time=at != "")
    return found or PunctureStatus.PLANNED


def numbers_of(group: ResultGroup) -> tuple[str, ...]:
    """Return placer and filler numbers, by which records of one puncture find each other."""
    fields = [
        segment.value(number)
        for segment in (group.orc, group.obr)
        if segment is not None
        for number in (2, 3)
    ]
    return tuple(dict.fromkeys(number for number in fields if given(number)))


def read_puncture_order(context: Context, patient: Patient, group: ResultGroup, sheet: Sheet) -> None:
    """Turn an order for a lumbar puncture, or a report of one without text, into a fact.

    Shape: a puncture that was done, planned or called off is not lost by a time that cannot be true: that is an issue, and the
    order counts from when it was filed, which is known as uncertain.
    """
    obr = group.obr
    numbers = numbers_of(group)
    if obr is None or not numbers:
        return
    texts = [obr.value(22), group.orc.value(9) if group.orc else ""]
    fields = (("OBR-7", obr.value(7)), ("OBR-22", obr.value(22)), ("ORC-9", texts[1]))
    read = _read_text(context, group, numbers[0], sheet)
    status = refine(ordered_status(context, group), read)
    effective = _effective(context, patient, _Order(fields, place_of(obr, 7)), status, sheet)
    if effective is None:
        return
    is_result = context.message.peek.message_type[:3] in {"ORU", "OUL"}
    value = Puncture(
        status=status,
        source=PunctureSource.PROCEDURE if is_result else PunctureSource.ORDER,
        numbers=numbers,
        passes=read.passes if read else None,
        is_traumatic=read.is_traumatic if read else None,
    )
    draft = Draft(
        key=f"{context.feed.id}|order|{with_number(context, patient, numbers[0])}",
        concept=PUNCTURE,
        effective=procedure_end(
            context, effective, end_time(context, effective, obr.value(8)), place_of(obr, 8), sheet
        ),
        value=value,
        place=place_of(obr),
    )
    statement = Statement(stated_at(context, texts), _RANKS[status])
    sheet.facts.append(make_fact(context, patient, draft, statement))
    _add_indication(context, patient, group, (draft, statement), sheet)


def _effective(
    context: Context, patient: Patient, order: _Order, status: PunctureStatus, sheet: Sheet
) -> ClinicalTime | None:
    """Choose the time of the order; where it cannot be true, that of filing, unless it was of some month or year.

    A plan lies ahead, also one that is called off, and is no less one where its time cannot be read: it counts from when it was
    filed, and opens nothing.
    """
    found = clinical_time(context, patient, order.times, order.place)
    if not isinstance(found, Issue):
        return found
    has_happened = status in _HAPPENED
    if has_happened or not found.subject.endswith(LATER):
        is_lost = status is not PunctureStatus.PLANNED
        sheet.issues.append(structs.replace(found, is_quarantined=is_lost))
    is_long_ago = found.subject.endswith(VAGUE) and has_happened
    return None if is_long_ago else filing_time(context, patient, order.times[1:], order.place)


def _add_indication(
    context: Context, patient: Patient, group: ResultGroup, told: tuple[Draft, Statement], sheet: Sheet
) -> None:
    """Add why the order was made; a newer version of the order replaces it as a whole."""
    order, statement = told
    replaced = Group(
        f"{order.key}|{INDICATION}",
        statement.order(is_rank_first=context.feed.is_rank_first),
        replaces=True,
    )
    for part, concept, value in read_indication(_reason(group), order.key, context.pack, context.notes):
        draft = Draft(f"{order.key}|{part}", concept, order.effective, value, order.place, replaced)
        sheet.facts.append(make_fact(context, patient, draft, statement))


def _reason(group: ResultGroup) -> str:
    """Return the reason for the study (OBR-31), else of the order (ORC-16), else the clinical information (OBR-13)."""
    obr, orc = group.obr, group.orc
    ways = []
    if obr is not None:
        ways += [given(obr.value(31, 2)), given(obr.value(31))]
    if orc is not None:
        ways += [given(orc.value(16, 2)), given(orc.value(16))]
    if obr is not None:
        ways.append(given(obr.value(13)))
    return next((text for text in ways if text), "")


def _read_text(context: Context, group: ResultGroup, number: str, sheet: Sheet) -> NotePuncture | None:
    texts = [observation_text(context, one.obx).text for one in group.obxs if has_text_type(one)]
    lines = [text for text in texts if text]
    if not lines:
        return None
    reading = context.notes.read(NoteDocument(number, "", "\n".join(lines), _kind(group.obr)))
    if reading.is_cut:
        sheet.issues.append(Issue(IssueKind.UNREADABLE_TEXT, place_of(group.obxs[0].obx, 5), UNREAD_REST))
    return reading.puncture


def _kind(obr: Segment | None) -> str:
    return obr.value(4) if obr else ""
