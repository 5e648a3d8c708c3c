"""Clinical times of a message: which field counts, and whether it can be true. Pure: no I/O, no clock.

The first field that is filled decides (OBX-14, else OBR-7, else OBR-22, TXA-4 or EVN, else MSH-7). When it cannot be read or
cannot be true the fact is quarantined: the next field would be a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from worker.decode.timestamps import DecodedTime, parse_dtm
from worker.mapping.hl7v2.context import Context, Patient, Sheet, given
from worker.mapping.procedures import doubt_end
from worker.model.errors import DecodeError
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime, EpochMs, Precision

LATER = "later than the message"
VAGUE = "less exact than a day"

_DAY = Precision.DAY  # named once: to ask an enumeration for its member takes a while
_MIDNIGHT = re.compile(r"[0-9]{8}(?:0000|000000(?:\.0{1,4})?)(?:[+-][0-9]{4})?")


def read_time(context: Context, text: str) -> DecodedTime | None:
    """Read one time of the message; None where it cannot be read."""
    times = context.times
    if text in times:
        return times[text]
    try:
        found: DecodedTime | None = parse_dtm(text, context.feed.zone)
    except (DecodeError, OverflowError, ValueError):
        found = None
    times[text] = found
    return found


def clinical_time(
    context: Context, patient: Patient, fields: Iterable[tuple[str, str]], place: str
) -> ClinicalTime | Issue:
    """Choose the clinical time.

    Shape: `fields` are (name as in the standard, text), first choice first; MSH-7 is added at the end. An issue where the
    chosen one is unreadable, less exact than a day, later than the message, before birth, or where there is none.
    """
    for origin, text in fields:
        if given(text):
            return _checked(context, patient, origin, text, place)
    if context.message_at_ms is None:
        return Issue(IssueKind.BAD_TIME, place, "no time in the message", is_quarantined=True)
    return _checked(context, patient, "MSH-7", context.message.peek.message_time, place)


def filing_time(
    context: Context, patient: Patient, fields: Iterable[tuple[str, str]], place: str
) -> ClinicalTime | None:
    """Choose the first time of filing or sending that can be true, MSH-7 the last; None where there is none.

    For what must not be lost by an impossible time: a puncture that was done, a cancellation.
    """
    for origin, text in fields:
        if given(text) and isinstance(found := _checked(context, patient, origin, text, place), ClinicalTime):
            return found
    last = clinical_time(context, patient, (), place)
    return None if isinstance(last, Issue) else last


def end_time(context: Context, start: ClinicalTime, text: str) -> ClinicalTime:
    """Add the end of an interval where the text gives one that is not before its start."""
    found = read_time(context, text) if given(text) else None
    if found is None or found.at_ms < start.start_ms:
        return start
    return ClinicalTime(start.start_ms, start.precision, start.origin, found.at_ms)


def procedure_end(
    context: Context, start: ClinicalTime, end: ClinicalTime, place: str, sheet: Sheet
) -> ClinicalTime:
    """Return `end`, the time of a procedure with its end, or `start` with an issue where the end cannot be true."""
    doubt = doubt_end(end, _latest_ms(context))
    if doubt:
        sheet.issues.append(Issue(IssueKind.BAD_TIME, place, f"{start.origin}: {doubt}"))
    return start if doubt else end


def stated_at(context: Context, texts: Iterable[str]) -> EpochMs:
    """Return the time of a status: the first of the texts that can be believed, else MSH-7, else zero."""
    own_ms = own_status_time(context, texts)
    return context.message_at_ms or 0 if own_ms is None else own_ms


def own_status_time(context: Context, texts: Iterable[str]) -> EpochMs | None:
    """Return the first time of a status that can be read and does not lie ahead of its message.

    One that lies ahead would count before all corrections until then.
    """
    latest_ms = _latest_ms(context)
    for text in texts:
        found = read_time(context, text) if given(text) else None
        if found is not None and (latest_ms is None or found.at_ms <= latest_ms):
            return found.at_ms
    return None


def _checked(context: Context, patient: Patient, origin: str, text: str, place: str) -> ClinicalTime | Issue:
    found = patient.times.get((origin, text))
    if found is None:
        found = patient.times[origin, text] = _judged(context, patient, origin, text)
    if isinstance(found, str):
        return Issue(IssueKind.BAD_TIME, place, f"{origin}: {found}", is_quarantined=True)
    return found


def _judged(context: Context, patient: Patient, origin: str, text: str) -> ClinicalTime | str:
    found = read_time(context, text)
    if found is None:
        return "not readable"
    is_date = context.feed.is_midnight_date and origin != "MSH-7" and _MIDNIGHT.fullmatch(text) is not None
    return _objection(context, patient, found) or ClinicalTime(
        found.at_ms, _DAY if is_date else found.precision, origin
    )


def _objection(context: Context, patient: Patient, found: DecodedTime) -> str:
    if found.precision < _DAY:
        return VAGUE
    latest_ms = _latest_ms(context)
    if latest_ms is not None and found.at_ms > latest_ms:
        return LATER
    if patient.birth_ms is not None and found.at_ms < patient.birth_ms:
        return "before birth"
    return ""


def _latest_ms(context: Context) -> EpochMs | None:
    sent_ms = context.message_at_ms
    return context.latest_ms if sent_ms is None else sent_ms + context.feed.future_tolerance_ms
