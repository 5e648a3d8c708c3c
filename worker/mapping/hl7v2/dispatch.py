"""One HL7 v2 message to one reading, whatever it is. Pure: no I/O, no clock.

The order of decisions: a message without a readable frame, header or patient is dead-lettered; a type that the feed names as
not needed is ignored; a type that is handled here is processed; any other type is ignored and says that nobody named it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from worker.decode.hl7v2 import Hl7Message, ResultGroup, Segment, decode_message, result_groups
from worker.decode.timestamps import parse_dtm
from worker.mapping.feeds import Feed
from worker.mapping.hl7v2.context import Context, Patient, Sheet
from worker.mapping.hl7v2.deaths import read_death
from worker.mapping.hl7v2.encounters import read_encounter
from worker.mapping.hl7v2.histories import read_findings, read_procedures
from worker.mapping.hl7v2.locations import read_location
from worker.mapping.hl7v2.medications import read_treatments
from worker.mapping.hl7v2.patients import LINKS, MERGES, read_links, read_merges, read_patient
from worker.mapping.hl7v2.reports import read_documents, read_order_group, read_report
from worker.mapping.pack import MappingPack
from worker.model.errors import DecodeError, MappingError
from worker.model.message import Issue, IssueKind, Outcome, OutcomeKind, RawMessage, Reading
from worker.model.time import EpochMs
from worker.notes.reader import NoteReader

_ADMISSION_TRIGGERS = frozenset(
    {
        *{"A01", "A02", "A03", "A04", "A06", "A07", "A08", "A11", "A12", "A13", "A23", "A28", "A31", "A60"},
        *MERGES,
        *LINKS,
    },
)
_PROCESSED = Outcome(OutcomeKind.PROCESSED)
AHEAD = "MSH-7: more than a day ahead of our clock"
_NAMEABLE = re.compile(r"[A-Z0-9]{2,3}(\^[A-Z0-9]{2,3})?")

Counts = Counter[tuple[str, str, str]]


def map_hl7(
    raw: RawMessage, pack: MappingPack, notes: NoteReader, latest_ms: EpochMs | None = None
) -> Reading:
    """Turn one message into facts, links and issues, or say why it says nothing.

    Shape: never raises for what a message holds; `Reading.outcome` is always set. An MSH-7 later than `latest_ms` is not
    believed (ADR 0042).
    """
    try:
        message = decode_message(raw.body)
    except DecodeError as error:
        return Reading(Outcome(OutcomeKind.DEAD_LETTERED, error.reason, error.place))
    header = message.peek
    feed = pack.feed_of(header.sending_application, header.sending_facility, raw.transport)
    message_at_ms, issues = _message_time(message, feed)
    believed_ms = message_at_ms
    if message_at_ms is not None and latest_ms is not None and message_at_ms > latest_ms:
        believed_ms = None
        issues.append(Issue(IssueKind.BAD_TIME, "MSH-7", AHEAD))
    context = Context(
        raw, message, feed, pack, notes, _trigger(message), believed_ms, header.control_id, latest_ms
    )
    sheet = Sheet(issues=[*message.issues, *issues])
    outcome = _process(context, sheet)
    said = sheet if outcome is _PROCESSED else Sheet()
    # By position: by name costs as much again.
    return Reading(
        outcome,
        feed.id,
        header.message_type,
        context.message_id,
        message_at_ms,
        tuple(said.patients.values()),
        tuple(said.facts),
        tuple(said.links),
        tuple(said.issues),
    )


def _process(context: Context, sheet: Sheet) -> Outcome:
    kind = context.message.peek.message_type
    if not kind:
        return Outcome(OutcomeKind.DEAD_LETTERED, "no message type", "MSH-9")
    family = kind[:3]
    ignored = context.feed.ignored_messages
    if kind in ignored or family in ignored:
        return _ignored(kind)
    handler = _HANDLERS.get(family)
    if handler is None or (family == "ADT" and context.trigger not in _ADMISSION_TRIGGERS):
        return _ignored(kind, f" not named by feed {context.feed.id}")
    try:
        handler(context, sheet)
    except MappingError as error:
        return Outcome(OutcomeKind.DEAD_LETTERED, error.reason, error.place)
    return _PROCESSED


def _ignored(kind: str, why: str = "") -> Outcome:
    name = kind if _NAMEABLE.fullmatch(kind) else "unreadable"
    return Outcome(OutcomeKind.IGNORED, f"message type {name}{why}")


def _message_time(message: Hl7Message, feed: Feed) -> tuple[EpochMs | None, list[Issue]]:
    text = message.peek.message_time.partition(message.peek.separators.component)[0]
    if not text:
        return None, []
    try:
        return parse_dtm(text, feed.zone).at_ms, []
    except DecodeError:
        return None, [Issue(IssueKind.BAD_TIME, "MSH-7", "MSH-7: not readable")]


def _trigger(message: Hl7Message) -> str:
    trigger = message.peek.message_type.partition("^")[2]
    evn = message.first("EVN")
    return trigger or (evn.value(1) if evn else "")


def _read_patients(context: Context, sheet: Sheet) -> dict[int, tuple[Patient, Segment | None]]:
    """Read every patient of the message, by the index of its PID, with its PV1.

    Shape: one unreadable patient of several is an issue; where none is readable the message is.
    Raises: MappingError where no patient can be read.
    """
    known: dict[int, tuple[Patient, Segment | None]] = {}
    failed = MappingError("no PID segment", "PID")
    for pid, pv1 in _patient_segments(context.message.segments):
        try:
            known[pid.index] = (read_patient(context, pid, pv1, sheet), pv1)
        except MappingError as error:
            failed = error
            sheet.issues.append(Issue(IssueKind.BAD_ENTRY, error.place, error.reason, is_quarantined=True))
    if not known:
        raise failed
    return known


def _groups(context: Context, sheet: Sheet) -> Iterator[tuple[Patient, ResultGroup]]:
    """Go through the orders with their patients; those of an unreadable patient are left out.

    Raises: MappingError where no patient can be read.
    """
    known = _read_patients(context, sheet)
    for group in result_groups(context.message):
        if group.pid is not None and group.pid.index in known:
            yield known[group.pid.index][0], group


def _patient_segments(segments: Iterable[Segment]) -> Iterator[tuple[Segment, Segment | None]]:
    """Pair each PID with the PV1 that follows it."""
    pid: Segment | None = None
    pv1: Segment | None = None
    for segment in segments:
        if segment.name == "PID":
            if pid is not None:
                yield pid, pv1
            pid, pv1 = segment, None
        elif segment.name == "PV1" and pv1 is None:
            pv1 = segment
    if pid is not None:
        yield pid, pv1


def _results(context: Context, sheet: Sheet) -> None:
    counts: Counts = Counter()
    for patient, group in _groups(context, sheet):
        read_report(context, patient, group, counts, sheet)


def _orders(context: Context, sheet: Sheet) -> None:
    for patient, group in _groups(context, sheet):
        read_order_group(context, patient, group, sheet)
        read_treatments(context, patient, group, sheet)


def _documents(context: Context, sheet: Sheet) -> None:
    for patient, group in _groups(context, sheet):
        read_documents(context, patient, group, sheet)


def _admissions(context: Context, sheet: Sheet) -> None:
    known = _read_patients(context, sheet)
    if context.trigger in MERGES:
        read_merges(context, sheet)
    if context.trigger in LINKS:
        read_links(context, LINKS[context.trigger], sheet)
    counts: Counts = Counter()
    for group in result_groups(context.message):
        if group.obxs and group.pid is not None and group.pid.index in known:
            read_report(context, known[group.pid.index][0], group, counts, sheet)
    # PR1, DG1 and AL1 stand far from their PID: with two patients nobody can tell whose they are.
    pids = context.message.all("PID")
    if len(pids) == 1:
        patient, pv1 = next(iter(known.values()))
        read_death(context, patient, pids[0], sheet)
        read_encounter(context, patient, pv1, sheet)
        read_location(context, patient, pv1, sheet)
        read_procedures(context, patient, sheet)
        read_findings(context, patient, sheet)


def _problems(context: Context, sheet: Sheet) -> None:
    known = _read_patients(context, sheet)
    if len(context.message.all("PID")) == 1:
        read_findings(context, next(iter(known.values()))[0], sheet)


_HANDLERS: dict[str, Callable[[Context, Sheet], None]] = {
    "ORU": _results,
    "OUL": _results,
    "ORM": _orders,
    "OML": _orders,
    "OMG": _orders,
    "OMP": _orders,
    "RDE": _orders,
    "RDS": _orders,
    "RAS": _orders,
    "RGV": _orders,
    "MDM": _documents,
    "ADT": _admissions,
    "PPR": _problems,
}
