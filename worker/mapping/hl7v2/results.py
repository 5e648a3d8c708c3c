"""Results and observations: each OBX of an order to a fact. Pure: no I/O, no clock.

Source: HL7 v2.5.1 ch. 7 (ORU OUL). A result about CSF carries the specimen class `csf`, from its code, SPM-4 or OBR-15; a
collected CSF specimen is a fact of its own (`csf-specimen`). Where no record tells of the lumbar puncture they come from,
`correlate` presumes one: the mapping states only what the message says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from worker.decode.hl7v2 import ObservationGroup, ResultGroup, Segment
from worker.mapping.concepts import Coding, Target, fold
from worker.mapping.hl7v2.context import (
    DELETE,
    Context,
    Draft,
    Patient,
    Sheet,
    Statement,
    all_codings,
    codings_of,
    given,
    make_fact,
    place_of,
    with_number,
)
from worker.mapping.hl7v2.times import clinical_time, stated_at
from worker.mapping.hl7v2.versions import CORRECTED, FINAL, Status, status_of
from worker.mapping.numbers import read_structured
from worker.mapping.values import UNKNOWN, Given, Understood, read_value
from worker.model.fact import Coded, Fact, Group
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime

_CODED_TYPES = frozenset({"CE", "CWE", "CNE", "CF"})
_SILENT_TYPES = frozenset({"ED", "RP"})
_SUBJECT_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Order:
    """One OBR (or none) with what holds for all its OBX.

    Shape: `number` is OBR-3, else OBR-2, else ORC-3 or ORC-2; `code` is OBR-4.1; `specimen` its class; `counts` numbers
    repeats of one code within one order over the whole message.
    """

    group: ResultGroup
    patient: Patient
    number: str
    code: str
    stated_at_ms: int
    is_correction: bool
    specimen: str
    counts: Counter[tuple[str, str, str]]

    def times(self) -> Iterator[tuple[str, str]]:
        """Go through the fields that give the time of the whole order, first choice first."""
        obr, orc = self.group.obr, self.group.orc
        if obr is not None:
            yield "OBR-7", obr.value(7)
        for spm in self.group.spms:
            yield "SPM-17", spm.value(17)
        if obr is not None:
            yield "OBR-22", obr.value(22)
        if orc is not None:
            yield "ORC-9", orc.value(9)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One OBX with what its code and status mean, and which repeat of its code it is."""

    obx: Segment
    target: Target
    status: Status
    occurrence: int


def read_order(
    context: Context, group: ResultGroup, patient: Patient, counts: Counter[tuple[str, str, str]]
) -> Order:
    """Read what holds for all results of an order."""
    obr, orc = group.obr, group.orc
    numbers = [obr.value(3), obr.value(2)] if obr else []
    numbers += [orc.value(3), orc.value(2)] if orc else []
    number = next((number for number in map(given, numbers) if number), "")
    texts = ([obr.value(22)] if obr else []) + ([orc.value(9)] if orc else [])
    statuses = [status_of(one.obx.value(11)) for one in group.obxs]
    return Order(
        group=group,
        patient=patient,
        number=with_number(context, patient, number),
        code=obr.value(4) or obr.value(4, 2) if obr else "",
        stated_at_ms=stated_at(context, texts),
        is_correction=(obr is not None and obr.value(25).upper() == "C")
        or any(status.is_correction for status in statuses),
        specimen=specimen_of(context, group),
        counts=counts,
    )


def read_results(
    context: Context, order: Order, observations: Sequence[ObservationGroup], sheet: Sheet
) -> None:
    """Turn the OBX of an order into facts; what cannot be used becomes an issue.

    Shape: a correction that cannot be read still takes the older value back: the sender says that it is wrong.
    """
    for observation in observations:
        for found in _observation(context, order, observation):
            if isinstance(found, Issue):
                sheet.issues.append(found)
            else:
                sheet.facts.append(found)
    specimen = _specimen_fact(context, order)
    if specimen is not None:
        sheet.facts.append(specimen)


def specimen_of(context: Context, group: ResultGroup) -> str:
    """Return the class of the specimen that SPM-4 or OBR-15 names, `UNKNOWN` where the pack does not know it."""
    named = [coding for spm in group.spms for coding in all_codings(spm, 4)]
    named += _source_codings(group.obr) if group.obr is not None else []
    if not named:
        return ""
    return context.feed.specimen(named) or UNKNOWN


def _source_codings(obr: Segment) -> list[Coding]:
    """Read OBR-15.1, a coded element in subcomponents; some senders write code and text as components."""
    inner = Coding(obr.value(15, 1, 1), obr.value(15, 1, 2), obr.value(15, 1, 3))
    outer = Coding("", obr.value(15, 2), "")
    return [coding for coding in (inner, outer) if coding.code or coding.text]


def _observation(context: Context, order: Order, observation: ObservationGroup) -> Iterator[Fact | Issue]:
    obx = observation.obx
    status = status_of(obx.value(11))
    codings = codings_of(obx.field(3))
    if not codings or obx.value(2).upper() in _SILENT_TYPES:
        return
    occurrence = _count(order, obx)
    target = context.feed.find(codings)
    if target is None:
        yield Issue(IssueKind.UNMAPPED_CODE, place_of(obx, 3), _subject(codings[0]))
        return
    if target.is_ignored or not status.has_value:
        return
    is_deleted = status.is_deleted or obx.raw(5) == DELETE or _is_taken_back(context, observation)
    entry = _Entry(obx, target, replace(status, is_deleted=is_deleted), occurrence)
    understood = _understood(context, order, entry)
    if isinstance(understood, Issue):
        yield understood
        if not status.is_correction:
            return
        entry = replace(entry, status=replace(status, is_deleted=True))
        understood = Understood(target.concept, None, order.specimen)
    if understood is not None:
        yield _fact(context, order, entry, understood)


def _count(order: Order, obx: Segment) -> int:
    """Return which repeat of its code an OBX is; every OBX counts, so that an unusable one moves no key."""
    slot = (order.number or order.code, _code_of(obx), obx.value(4))
    order.counts[slot] += 1
    return order.counts[slot]


def _fact(context: Context, order: Order, entry: _Entry, understood: Understood) -> Fact | Issue:
    obx, status = entry.obx, entry.status
    fields = [("OBX-14", obx.value(14)), *order.times()]
    effective = clinical_time(context, order.patient, fields, place_of(obx, 14))
    if isinstance(effective, Issue):
        if not (status.is_deleted and _is_keyed_by_order(context, order)):
            return effective
        # What is taken back needs no time: its key finds it.
        effective = ClinicalTime(context.message_at_ms or 0, origin="MSH-7")
    key, group = _key(context, order, entry, effective)
    draft = Draft(
        key=key,
        concept=understood.concept.id,
        effective=effective,
        value=understood.value,
        place=_place(order.group, obx),
        group=group,
        specimen=understood.specimen,
        qualifiers=tuple(sorted(entry.target.qualifiers)),
    )
    rank = CORRECTED if order.is_correction and status.rank == FINAL else status.rank
    statement = Statement(order.stated_at_ms, rank, status.name, status.is_deleted)
    return make_fact(context, order.patient, draft, statement)


def _is_keyed_by_order(context: Context, order: Order) -> bool:
    return context.feed.is_by_order and order.number != ""


def _key(context: Context, order: Order, entry: _Entry, effective: ClinicalTime) -> tuple[str, Group | None]:
    code, sub_id, feed = _code_of(entry.obx), entry.obx.value(4), context.feed.id
    if _is_keyed_by_order(context, order):
        return f"{feed}|{order.number}|{code}|{sub_id}|{entry.occurrence}", group_of(context, order)
    return f"{feed}|{order.code}|{code}|{sub_id}|{effective.start_ms}|{entry.occurrence}", None


def _code_of(obx: Segment) -> str:
    return obx.value(3) or obx.value(3, 2)


def group_of(context: Context, order: Order) -> Group:
    """Return the group of an order's statements; a correction replaces what older messages said of the order."""
    rank = CORRECTED if order.is_correction else FINAL
    stated = Statement(order.stated_at_ms, rank).order(is_rank_first=context.feed.is_rank_first)
    return Group(f"{context.feed.id}|obr|{order.number}", stated, order.is_correction)


def _understood(context: Context, order: Order, entry: _Entry) -> Understood | Issue | None:
    obx, target, status = entry.obx, entry.target, entry.status
    if status.is_deleted:
        return Understood(target.concept, None, order.specimen)
    if obx.has(5):
        return read_value(target, _given(context, order, obx), context.feed, context.pack, place_of(obx, 5))
    if not status.is_correction:
        return None
    subject = f"{target.concept.id}: corrected without a value"
    return Issue(IssueKind.BAD_VALUE, place_of(obx, 5), subject, is_quarantined=True)


def _given(context: Context, order: Order, obx: Segment) -> Given:
    kind = obx.value(2).upper()
    flags = tuple(repeat.component(1) for repeat in obx.repeats(8))
    unit = obx.value(6) or obx.value(6, 2)
    site = _site(context, obx)
    base = Given(unit=given(unit), flags=flags, specimen=order.specimen, site=site)
    if kind in _CODED_TYPES:
        return replace(base, codings=all_codings(obx, 5), text=obx.value(5, 9) or obx.value(5))
    if kind == "SN":
        number = read_structured(obx.value(5, 1), obx.value(5, 2), obx.value(5, 3), obx.value(5, 4))
        return replace(base, number=number, text="" if number is None else f"{number.value:g}")
    return replace(base, text=obx.text(5))


def _site(context: Context, obx: Segment) -> str:
    named = all_codings(obx, 20)
    return (context.feed.site(named) or UNKNOWN) if named else ""


def _is_taken_back(context: Context, observation: ObservationGroup) -> bool:
    """Tell whether a comment takes the result back, where the feed says that comments can."""
    phrases = context.feed.error_comments
    if not phrases:
        return False
    said = [fold(nte.text(3)) for nte in observation.ntes]
    return any(phrase in text for phrase in phrases for text in said)


def _specimen_fact(context: Context, order: Order) -> Fact | None:
    """State that CSF was collected, where a specimen segment or the source of a reported order says when."""
    if order.specimen != "csf" or "csf-specimen" not in context.pack.concepts:
        return None
    obr = order.group.obr
    collected: list[tuple[str, str]] = [("SPM-17", spm.value(17)) for spm in order.group.spms]
    if obr is not None and context.message.peek.message_type[:3] in {"ORU", "OUL"}:
        collected.append(("OBR-7", obr.value(7)))
    filled = [(origin, text) for origin, text in collected if given(text)]
    if not filled or not order.number:
        return None
    place = place_of(obr or order.group.spms[0])
    effective = clinical_time(context, order.patient, filled, place)
    if isinstance(effective, Issue):
        return None
    key = f"{context.feed.id}|{order.number}|csf-specimen"
    draft = Draft(key, "csf-specimen", effective, Coded("collected"), place, group_of(context, order), "csf")
    return make_fact(context, order.patient, draft, Statement(order.stated_at_ms, FINAL))


def _place(group: ResultGroup, obx: Segment) -> str:
    return place_of(obx) if group.obr is None else f"{place_of(group.obr)}/{place_of(obx)}"


def _subject(coding: Coding) -> str:
    return f"{coding.system}|{coding.code or coding.text}"[:_SUBJECT_LENGTH]


def is_deleted_everywhere(observations: Iterable[ObservationGroup]) -> bool:
    """Tell whether every OBX takes its value back; false where there is none."""
    found = list(observations)
    return bool(found) and all(
        status_of(one.obx.value(11)).is_deleted or one.obx.raw(5) == DELETE for one in found
    )
