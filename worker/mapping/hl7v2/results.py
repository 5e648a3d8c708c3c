"""Results and observations: each OBX of an order to a fact. Pure: no I/O, no clock.

Source: HL7 v2.5.1 ch. 7 (ORU OUL). A result about CSF carries the specimen class `csf`, from its code, SPM-4 or OBR-15; a
collected CSF specimen is a fact of its own (`csf-specimen`). Where no record tells of the lumbar puncture they come from,
`correlate` presumes one: the mapping states only what the message says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import structs

from worker.decode.hl7v2 import ObservationGroup, ResultGroup, Segment
from worker.mapping.concepts import Coding, Target, fold
from worker.mapping.feeds import NOT_LUMBAR
from worker.mapping.hl7v2.context import (
    CODED_PARTS,
    DELETE,
    Context,
    Draft,
    Patient,
    Sheet,
    Statement,
    all_codings,
    given,
    make_fact,
    meaning_at,
    place_of,
    with_number,
)
from worker.mapping.hl7v2.times import clinical_time, own_status_time, stated_at
from worker.mapping.hl7v2.versions import CORRECTED, FINAL, WITHDRAWN, Status, status_of
from worker.mapping.numbers import read_structured
from worker.mapping.values import UNKNOWN, Given, Understood, read_value
from worker.model.fact import Coded, Fact, Group
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime

_CODED_TYPES = frozenset({"CE", "CWE", "CNE", "CF"})
_SILENT_TYPES = frozenset({"ED", "RP"})
_STATUS_TIMES = frozenset({"OBR-22", "ORC-9"})
_SUBJECT_LENGTH = 60
_SPM_WAYS = (5, 7, 8, 9)
"""Type modifier, collection method, source site and its modifier."""

_BEGINS = r"(?:^|_|[^\w\s,]) ?"
"""Where a sentence of a comment begins: behind nothing, a full stop, a frame ("***Entered in error***")."""

_BASE = re.compile(r"(?:[xX*] ?)?10|.*/.*m")
_POWER = re.compile(r"[0-9]{1,2}(?:/.*)?")
"""What stands before and behind the ^ of a unit: "10" and "9/L", "/mm" and "3"."""


class Order(msgspec.Struct, frozen=True, gc=False):
    """One OBR (or none) with what holds for all its OBX.

    Shape: `number` is OBR-3, else OBR-2, else ORC-3 or ORC-2; `code` is OBR-4.1; `specimen` its class. `times` are the fields
    that give the time of the whole order, first choice first; `replaced` is the group of its statements, None where they are
    keyed by time. `counts` numbers repeats of one code within one order over the whole message. `place` begins the
    places of its OBX ("OBR[1]/").
    """

    segments: ResultGroup
    patient: Patient
    number: str
    code: str
    stated_at_ms: int
    is_own_time: bool
    is_correction: bool
    specimen: str
    times: tuple[tuple[str, str], ...]
    replaced: Group | None
    counts: Counter[tuple[str, str, str]]
    place: str


class _Entry(msgspec.Struct, frozen=True, gc=False):
    """One OBX with what its code and status mean, how keys name it, and where it stands ("OBX[3]").

    Shape: `type` is OBX-2 in capitals; `name` is "code|OBX-4|which repeat of both".
    """

    obx: Segment
    type: str
    target: Target
    status: Status
    is_deleted: bool
    name: str
    place: str


def read_order(
    context: Context, group: ResultGroup, patient: Patient, counts: Counter[tuple[str, str, str]]
) -> Order:
    """Read what holds for all results of an order."""
    obr, orc = group.obr, group.orc
    numbers = (segment.value(at) for segment in (obr, orc) if segment is not None for at in (3, 2))
    number = with_number(context, patient, next((number for number in numbers if given(number)), ""))
    times = tuple(_times(group))
    status_times = [text for origin, text in times if origin in _STATUS_TIMES]
    stated_at_ms = stated_at(context, status_times)
    is_report_corrected = obr is not None and obr.value(25).upper() == "C"
    statuses = {one.obx.value(11) for one in group.obxs}
    is_correction = is_report_corrected or any(status_of(code).is_correction for code in statuses)
    is_own_time = context.feed.is_rank_first and own_status_time(context, status_times) is not None
    stated = Statement(stated_at_ms, CORRECTED if is_correction else FINAL, is_own_time=is_own_time)
    is_grouped = context.feed.is_by_order and number != ""
    return Order(
        segments=group,
        patient=patient,
        number=number,
        code=obr.value(4) or obr.value(4, 2) if obr else "",
        stated_at_ms=stated_at_ms,
        is_own_time=is_own_time,
        is_correction=is_correction,
        specimen=specimen_of(context, group),
        times=times,
        replaced=_replaced(context, number, stated, is_report_corrected=is_report_corrected)
        if is_grouped
        else None,
        counts=counts,
        place="" if obr is None else f"{place_of(obr)}/",
    )


def _times(group: ResultGroup) -> Iterator[tuple[str, str]]:
    if group.obr is not None:
        yield "OBR-7", group.obr.value(7)
    for spm in group.spms:
        yield "SPM-17", spm.value(17)
    if group.obr is not None:
        yield "OBR-22", group.obr.value(22)
    if group.orc is not None:
        yield "ORC-9", group.orc.value(9)


def _replaced(context: Context, number: str, stated: Statement, *, is_report_corrected: bool) -> Group:
    """Return the group of an order's statements; only a report corrected as a whole replaces older messages (ADR 0007)."""
    order = stated.order(is_rank_first=context.feed.is_rank_first)
    return Group(f"{context.feed.id}|obr|{number}", order, is_report_corrected)


def read_results(
    context: Context, order: Order, observations: Sequence[ObservationGroup], sheet: Sheet
) -> None:
    """Turn the OBX of an order into facts; what cannot be used becomes an issue.

    Shape: a correction of which the value or the time cannot be read still takes the older value back: the sender says that it
    is wrong. What it said instead is an issue that names the concept, so that its rules count as blind.
    """
    for observation in observations:
        _read_observation(context, order, observation, sheet)
    specimen = _specimen_fact(context, order)
    if specimen is not None:
        sheet.facts.append(specimen)


def specimen_of(context: Context, group: ResultGroup) -> str:
    """Return the class of the specimen, `UNKNOWN` where the pack does not know what is named.

    Shape: SPM-4 and OBR-15.1 name the type; SPM-5, SPM-7 to SPM-9 and the rest of OBR-15 say how and where it was taken, and so
    whether CSF came through the needle.
    """
    types = [coding for spm in group.spms for coding in all_codings(spm, 4)]
    ways = [coding for spm in group.spms for number in _SPM_WAYS for coding in all_codings(spm, number)]
    if group.obr is not None and group.obr.has(15):
        types += _source_codings(group.obr, (1, 2))
        ways += _source_codings(group.obr, (3, 4, 5, 6))
    if not types and not ways:
        return ""
    return context.feed.specimen((*types, *ways)) or UNKNOWN


def _source_codings(obr: Segment, components: Sequence[int]) -> list[Coding]:
    """Read parts of OBR-15, coded elements in subcomponents; some senders write code and text as components."""
    codings = []
    for at in components:
        code, text, system = (obr.value(15, at, part) for part in (1, 2, 3))
        is_text = at > 1 and not text
        codings.append(Coding("", code, "") if is_text else Coding(code, text, system))
    return [coding for coding in codings if coding.code or coding.text]


def _read_observation(context: Context, order: Order, observation: ObservationGroup, sheet: Sheet) -> None:
    obx = observation.obx
    code = obx.components(3, CODED_PARTS)
    kind = obx.value(2).upper()
    if kind in _SILENT_TYPES or not any(code):
        return
    name = _count(order, code[0] or code[1], obx.value(4))
    target = meaning_at(context, obx, 3).target
    if target is None:
        sheet.issues.append(Issue(IssueKind.UNMAPPED_CODE, place_of(obx, 3), _subject(code)))
        return
    status = status_of(obx.value(11))
    if target.is_ignored or not status.has_value:
        return
    is_deleted = status.is_deleted or obx.raw(5) == DELETE or _is_taken_back(context, observation)
    entry = _Entry(obx, kind, target, status, is_deleted, name, place_of(obx))
    understood = _understood(context, order, entry)
    if isinstance(understood, Understood):
        _add_fact(context, order, entry, understood, sheet)
    else:
        if understood is not None:
            sheet.issues.append(understood)
        if _replaces(order, status):
            entry = structs.replace(entry, is_deleted=True)
            _add_fact(context, order, entry, Understood(target.concept, None, order.specimen), sheet)


def _count(order: Order, code: str, sub_id: str) -> str:
    """Name an OBX in keys: code, sub-id, which repeat of both; every OBX counts, so that an unusable one moves no key."""
    slot = (order.number or order.code, code, sub_id)
    occurrence = order.counts.get(slot, 0) + 1
    order.counts[slot] = occurrence
    return f"{code}|{sub_id}|{occurrence}"


def _add_fact(context: Context, order: Order, entry: _Entry, understood: Understood, sheet: Sheet) -> None:
    obx, status, is_deleted = entry.obx, entry.status, entry.is_deleted
    own = obx.value(14)
    fields = (("OBX-14", own),) if given(own) else order.times
    effective = clinical_time(context, order.patient, fields, f"{entry.place}-14")
    if not isinstance(effective, ClinicalTime):
        if not is_deleted or order.replaced is None:
            subject = f"{understood.concept.id}: {effective.subject}"
            sheet.issues.append(structs.replace(effective, subject=subject))
        if order.replaced is None or not (is_deleted or _replaces(order, status)):
            return
        # What is taken back needs no time: its key finds it.
        effective, is_deleted = ClinicalTime(context.message_at_ms or 0, origin="MSH-7"), True
    draft = Draft(
        _key(context, order, entry, effective),
        understood.concept.id,
        effective,
        understood.value,
        f"{order.place}{entry.place}",
        order.replaced,
        understood.specimen,
        entry.target.qualifiers,
    )
    rank = CORRECTED if order.is_correction and status.rank == FINAL else status.rank
    statement = Statement(
        order.stated_at_ms, WITHDRAWN if is_deleted else rank, status.name, is_deleted, order.is_own_time
    )
    sheet.facts.append(make_fact(context, order.patient, draft, statement))


def _replaces(order: Order, status: Status) -> bool:
    """Tell whether an OBX says that the older value was wrong, by itself or with its whole report."""
    return status.is_correction or (order.replaced is not None and order.replaced.replaces)


def _key(context: Context, order: Order, entry: _Entry, effective: ClinicalTime) -> str:
    if order.replaced is not None:
        return f"{context.feed.id}|{order.number}|{entry.name}"
    code_and_sub_id, _, occurrence = entry.name.rpartition("|")
    return f"{context.feed.id}|{order.code}|{code_and_sub_id}|{effective.start_ms}|{occurrence}"


def _understood(context: Context, order: Order, entry: _Entry) -> Understood | Issue | None:
    obx, target = entry.obx, entry.target
    if entry.is_deleted:
        return Understood(target.concept, None, order.specimen)
    if obx.has(5):
        value = _given(context, order, entry)
        return read_value(target, value, context.feed, context.pack, f"{entry.place}-5")
    if not entry.status.is_correction:
        return None
    subject = f"{target.concept.id}: corrected without a value"
    return Issue(IssueKind.BAD_VALUE, f"{entry.place}-5", subject, is_quarantined=True)


def _given(context: Context, order: Order, entry: _Entry) -> Given:
    obx = entry.obx
    text, number = "", None
    codings: tuple[Coding, ...] = ()
    if entry.type in _CODED_TYPES:
        text, codings = obx.value(5, 9) or obx.value(5), all_codings(obx, 5)
    elif entry.type == "SN":
        number = read_structured(obx.value(5, 1), obx.value(5, 2), obx.value(5, 3), obx.value(5, 4))
    else:
        text = obx.text(5)
    return Given(
        text, number, _unit(obx), codings, _flags(obx), order.specimen, _site(context, obx, entry.target)
    )


def _unit(obx: Segment) -> str:
    """Return the unit; a power that nobody escaped ("10^9/L", "/mm^3") stands in two components and is one unit."""
    unit, name = obx.components(6, 2)
    if name and _POWER.fullmatch(name) and _BASE.fullmatch(unit):
        return f"{unit}^{name}"
    return given(unit or name)


def _flags(obx: Segment) -> tuple[str, ...]:
    """Return the interpretation codes; nearly always there is one, of a letter or two."""
    raw = obx.raw(8)
    if raw.isalnum():
        return (raw,)
    return tuple(repeat.component(1) for repeat in obx.repeats(8))


def _site(context: Context, obx: Segment, target: Target) -> str:
    """Return the class of the body site; a method counts where it says that the value is about something else (skin)."""
    excluded = target.concept.excluded_sites
    if excluded and obx.has(17) and (method := context.feed.site(all_codings(obx, 17))) in excluded:
        return method
    if not obx.has(20):
        return ""
    named = all_codings(obx, 20)
    return (context.feed.site(named) or UNKNOWN) if named else ""


def _is_taken_back(context: Context, observation: ObservationGroup) -> bool:
    """Tell whether a sentence of a comment begins with words by which the feed takes results back.

    Shape: not words inside a sentence, which may say the opposite, or speak of another value ("41 was entered in error").
    """
    phrases = context.feed.error_comments
    if not phrases:
        return False
    said = [fold(nte.text(3)) for nte in observation.ntes]
    return any(re.search(_BEGINS + re.escape(phrase), text) for phrase in phrases for text in said)


def _specimen_fact(context: Context, order: Order) -> Fact | None:
    """State that CSF was collected, where a specimen segment or the source of a reported order says when.

    Shape: deleted where a correction says that the fluid of this order came from a shunt, a drain or a ventricle.
    """
    group = order.segments
    is_not_lumbar = order.is_correction and order.specimen in NOT_LUMBAR
    if not (order.specimen == "csf" or is_not_lumbar) or "csf-specimen" not in context.pack.concepts:
        return None
    collected = [("SPM-17", spm.value(17)) for spm in group.spms]
    if group.obr is not None and context.message.peek.message_type[:3] in {"ORU", "OUL"}:
        collected.append(("OBR-7", group.obr.value(7)))
    filled = [(origin, text) for origin, text in collected if given(text)]
    if not filled or not order.number:
        return None
    place = place_of(group.obr or group.spms[0])
    effective = clinical_time(context, order.patient, filled, place)
    if isinstance(effective, Issue):
        return None
    is_deleted = is_not_lumbar or is_deleted_everywhere(group.obxs)
    key = f"{context.feed.id}|{order.number}|csf-specimen"
    draft = Draft(key, "csf-specimen", effective, Coded("collected"), place, order.replaced, "csf")
    rank = CORRECTED if order.is_correction else FINAL
    statement = Statement(
        order.stated_at_ms,
        WITHDRAWN if is_deleted else rank,
        is_deleted=is_deleted,
        is_own_time=order.is_own_time,
    )
    return make_fact(context, order.patient, draft, statement)


def _subject(code: tuple[str, ...]) -> str:
    """Name an unmapped code as "system|code"; the alternate one where the first is empty."""
    first = code[:3] if any(code[:2]) else code[3:]
    return f"{first[2]}|{first[0] or first[1]}"[:_SUBJECT_LENGTH]


def is_deleted_everywhere(observations: Iterable[ObservationGroup]) -> bool:
    """Tell whether every OBX takes its value back; false where there is none."""
    found = list(observations)
    return bool(found) and all(
        status_of(one.obx.value(11)).is_deleted or one.obx.raw(5) == DELETE for one in found
    )
