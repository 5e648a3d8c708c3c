"""Notes: MDM documents and note text in results, read into findings. Pure: no I/O, no clock.

One version of a document is one fact `note` and one fact for each finding in it; a newer version replaces all of them, because
senders repeat the earlier lines. Source: HL7 v2.5.1 ch. 9 (T01 to T11, TXA-12, TXA-13, TXA-17, TXA-19), ch. 7 (OBX).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import msgspec

from worker.decode.documents import ELSEWHERE, GUESSED, Extract, read_text
from worker.decode.hl7v2 import Field, ObservationGroup, Segment
from worker.mapping.addenda import time_under
from worker.mapping.attachments import attachment_text
from worker.mapping.concepts import fold
from worker.mapping.digests import digest_of
from worker.mapping.hl7v2.context import (
    DELETE,
    Context,
    Draft,
    Patient,
    Sheet,
    Statement,
    given,
    make_fact,
    meaning_at,
    place_of,
)
from worker.mapping.hl7v2.times import clinical_time
from worker.mapping.hl7v2.versions import status_of
from worker.mapping.puncture_times import time_of_day
from worker.model.document import NOTE, UNREAD, document_marks, unread_key, unread_marks
from worker.model.fact import Group, Puncture, PunctureSource, PunctureStatus
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime
from worker.notes.reader import UNREAD_REST, NoteDocument, NotePuncture, NoteReading

PUNCTURE = "lumbar-puncture"

_POINTER = "RP"
_TEXT_TYPES = frozenset({"TX", "FT", "ST", "ED", _POINTER, ""})
_CODED_TYPES = frozenset({"CE", "CWE", "CNE"})
_ENCAPSULATED_PARTS = 5


class Document(msgspec.Struct, frozen=True, gc=False):
    """One version of a note as a message gives it.

    Shape: `number` names it within the patient (empty: its content does). `order` is what an order says of the lumbar
    puncture that the note is about, None where it is about none as far as the codes go; `is_procedure_note` lets the text
    itself tell of one. `replaces` is the number of the document in whose place it comes, `adds_to` that of
    all addenda of a document: each of them stands beside the others. `text` is set where the words do not stand in
    `observations`.
    """

    number: str
    title: str
    kind: str
    observations: Sequence[ObservationGroup]
    times: Sequence[tuple[str, str]]
    statement: Statement
    place: str
    order: PunctureStatus | None = None
    order_numbers: tuple[str, ...] = ()
    is_procedure_note: bool = False
    replaces: str = ""
    adds_to: str = ""
    text: str | None = None

    @property
    def replaced(self) -> tuple[str, ...]:
        """Return what it takes back, once it is read whole: the document in whose place it comes, and that one's addenda."""
        return (self.replaces, addenda_of(self.replaces)) if self.replaces else ()


def addenda_of(number: str) -> str:
    """Name all addenda that are filed under the number of their document."""
    return f"{number}|addenda"


def read_document(context: Context, patient: Patient, document: Document, sheet: Sheet) -> bool:
    """Turn one version of a note into facts; a document that gives no text is an issue.

    Shape: tells whether all of it was read. One that was read in part takes back nothing that an earlier version said.
    """
    known = len(sheet.issues)
    text, is_whole = _text(context, document, sheet) if document.text is None else (document.text, True)
    statement = document.statement
    if not text and not statement.is_deleted and document.order is None:
        _add_unread(context, patient, document, sheet, known)
        return is_whole
    effective = _effective(context, patient, document)
    if isinstance(effective, Issue):
        sheet.issues.append(effective)
        return False
    reading = NoteReading()
    if not statement.is_deleted:
        reading = context.notes.read(NoteDocument(document.number, document.title, text, document.kind))
    if reading.is_cut:
        sheet.issues.append(Issue(IssueKind.UNREADABLE_TEXT, document.place, UNREAD_REST))
        is_whole = False
    stated = statement.order(is_rank_first=context.feed.is_rank_first)
    key = _key(context, document.number or digest_of(repr(text)))
    group = Group(key, stated, replaces=is_whole or statement.is_deleted)
    if document.adds_to:
        group = Group(_key(context, document.adds_to), stated, replaces=False)
        key = f"{group.key}|{digest_of(repr(text))}"
    replaced = [_key(context, document.replaces)] if document.replaces else []
    digest = digest_of(" ".join(text.split()))
    marks = () if statement.is_deleted else document_marks(digest, replaced, is_part=not is_whole)
    note = Draft(key, NOTE, effective, None, document.place, group, qualifiers=marks)
    sheet.facts.append(make_fact(context, patient, note, statement))
    if statement.is_deleted:
        return True
    if not group.replaces and not document.adds_to:
        key = f"{key}|{digest}"
    puncture = _puncture(context, document, text, reading.puncture)
    sent_ms = context.message_at_ms if puncture is not None else None
    seen: Counter[str] = Counter()
    for finding, assertion, written in reading.dated:
        seen[finding] += 1
        at = time_under(written, effective, sent_ms, context.feed.zone)
        draft = Draft(f"{key}|{finding}|{seen[finding]}", finding, at, assertion, document.place, group)
        sheet.facts.append(make_fact(context, patient, draft, statement))
    if puncture is not None:
        clock = reading.puncture.clock if reading.puncture is not None else None
        at = time_of_day(clock, effective, context.message_at_ms, context.feed.zone)
        draft = Draft(f"{key}|{PUNCTURE}", PUNCTURE, at, puncture, document.place, group)
        sheet.facts.append(make_fact(context, patient, draft, statement))
    _add_unread(context, patient, document, sheet, known, is_whole=is_whole)
    return is_whole


def _add_unread(
    context: Context,
    patient: Patient,
    document: Document,
    sheet: Sheet,
    known: int,
    *,
    is_whole: bool = False,
) -> None:
    """Add what of a document could not be read, as the issues behind the first `known` say it.

    It is an issue only where no later version could take it back, as it has no number, and where it has no time.
    """
    lost = sheet.issues[known:]
    effective = _effective(context, patient, document) if lost and document.number else None
    if not isinstance(effective, ClinicalTime):
        return
    key, statement = _key(context, document.number), document.statement
    replaced = [_key(context, number) for number in document.replaced] if not is_whole else []
    marks = unread_marks((issue.shown for issue in lost), replaced)
    group = Group(key, statement.order(is_rank_first=context.feed.is_rank_first), replaces=False)
    draft = Draft(unread_key(key), UNREAD, effective, None, document.place, group, qualifiers=marks)
    sheet.facts.append(make_fact(context, patient, draft, statement))
    sheet.issues[known:] = [msgspec.structs.replace(issue, is_stated=True) for issue in lost]


def _key(context: Context, number: str) -> str:
    return f"{context.feed.id}|document|{number}"


def is_note_text(context: Context, observation: ObservationGroup) -> bool:
    """Tell whether the code of an OBX announces note text."""
    return meaning_at(context, observation.obx, 3).note_kind != ""


def has_text_type(observation: ObservationGroup) -> bool:
    """Tell whether an OBX holds text by its type."""
    return observation.obx.value(2).upper() in _TEXT_TYPES


def refine(ordered: PunctureStatus, read: NotePuncture | None) -> PunctureStatus:
    """Combine what an order and a note's text say: the text knows whether the needle passed, the order whether it stands."""
    if ordered is PunctureStatus.CANCELLED or read is None:
        return ordered
    if read.status in {PunctureStatus.CANCELLED, PunctureStatus.ATTEMPTED}:
        return read.status
    return ordered


def _puncture(context: Context, document: Document, text: str, read: NotePuncture | None) -> Puncture | None:
    ordered = document.order
    if ordered is None and _is_titled(context, document, text):
        ordered = PunctureStatus.COMPLETED
    if ordered is None and document.is_procedure_note and read is not None:
        ordered = read.status
    if ordered is None:
        return None
    return Puncture(
        status=refine(ordered, read),
        source=PunctureSource.NOTE,
        numbers=document.order_numbers,
        passes=read.passes if read else None,
        is_traumatic=read.is_traumatic if read else None,
    )


def _is_titled(context: Context, document: Document, text: str) -> bool:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return any(fold(line).rstrip(" .:") in context.feed.note_titles for line in (document.title, first))


def _effective(context: Context, patient: Patient, document: Document) -> ClinicalTime | Issue:
    found = clinical_time(context, patient, document.times, document.place)
    if isinstance(found, Issue) and document.statement.is_deleted:
        # What is taken back needs no time: its key finds it.
        return ClinicalTime(context.message_at_ms or 0, origin="MSH-7")
    return found


def _text(context: Context, document: Document, sheet: Sheet) -> tuple[str, bool]:
    """Return the text of a document, and whether that is all of it.

    Shape: OBX with words that follow each other are its lines: RTF or HTML may go on over them.
    """
    stated = [
        (one.obx, _encapsulated(context, one.obx))
        for one in document.observations
        if one.obx.has(5) and not status_of(one.obx.value(11)).is_deleted and one.obx.raw(5) != DELETE
    ]
    lines, is_whole = [], True
    for holds_words, run in groupby(stated, lambda one: one[1] is None):
        parts = list(run)
        words = "\n".join(filter(None, (_words(obx) for obx, _ in parts))) if holds_words else ""
        for obx, inside in parts[:1] if holds_words else parts:
            read = read_text(words) if inside is None else inside
            note_unread(read, obx, sheet)
            is_whole = is_whole and not (read.problem or read.gap)
            if read.text:
                lines.append(read.text)
    return "\n".join(lines), is_whole


def note_unread(found: Extract, obx: Segment, sheet: Sheet) -> None:
    """Say what of OBX-5 could not be read; where that is all of it, it is kept with its bytes."""
    if found.is_guessed:
        sheet.issues.append(Issue(IssueKind.CHARSET, place_of(obx, 5), GUESSED))
    if found.problem or found.gap:
        subject = found.problem or found.gap
        sheet.issues.append(
            Issue(IssueKind.UNREADABLE_TEXT, place_of(obx, 5), subject, is_quarantined=found.problem != "")
        )


def observation_text(context: Context, obx: Segment) -> Extract:
    """Return the text of OBX-5, whatever way it travels; an empty field has none and no problem."""
    if not obx.has(5):
        return Extract()
    found = _encapsulated(context, obx)
    return read_text(_words(obx)) if found is None else found


def _words(obx: Segment) -> str:
    if obx.value(2).upper() in _CODED_TYPES:
        return given(obx.value(5, 9) or obx.value(5, 2) or obx.value(5))
    return "\n".join(obx.field(5).text_repeats)


def _encapsulated(context: Context, obx: Segment) -> Extract | None:
    """Read a document inside OBX-5, or behind it; None where it holds words."""
    kind = obx.value(2).upper()
    if kind == _POINTER:
        return Extract(problem=ELSEWHERE)
    if kind in _CODED_TYPES:
        return None
    parts = obx.raw(5).split(context.message.peek.separators.component, _ENCAPSULATED_PARTS - 1)
    is_encapsulated = len(parts) == _ENCAPSULATED_PARTS and (
        kind == "ED" or not (kind or parts[0] or parts[1])
    )
    if not is_encapsulated:
        return None
    data = Field(parts[4], context.message.peek.separators).text()
    return attachment_text(data, parts[2] or parts[1], parts[3])
