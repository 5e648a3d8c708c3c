"""Documents, reports and messages in words, to notes and what they state. Pure: no I/O, no clock.

One version of a document is one fact ("note") and the facts its text states; all of them form a group that a newer version
replaces as a whole. Source: HL7 FHIR R4 and R5, `DocumentReference`, `DiagnosticReport`, `Communication`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from msgspec import structs

from worker.decode.documents import GUESSED, Extract, read_text
from worker.decode.fhir import parse_literal
from worker.decode.fhir.datatypes import Attachment, CodeableConcept, Reference
from worker.decode.fhir.resources import (
    Communication,
    DiagnosticReport,
    DocumentContext,
    DocumentReference,
    Observation,
    Payload,
    RelatesTo,
)
from worker.mapping.addenda import time_under
from worker.mapping.concepts import Coding, fold
from worker.mapping.digests import digest_of
from worker.mapping.fhir.attachments import read_all, read_best
from worker.mapping.fhir.codes import all_codings, codings_of, first_code, title_of
from worker.mapping.fhir.orders import PUNCTURE, order_numbers
from worker.mapping.fhir.statement import Stated, Statement
from worker.mapping.puncture_times import time_of_day
from worker.model.document import NOTE, UNREAD, document_marks, unread_marks
from worker.model.fact import Puncture, PunctureSource, PunctureStatus
from worker.model.message import IssueKind
from worker.model.time import ClinicalTime
from worker.notes.reader import UNREAD_REST, NoteDocument, NotePuncture, NoteReading

_PROCEDURE_NOTE = "procedure-note"
# The text knows whether the needle passed, whatever the title says.
_NEEDLE_FAILED = frozenset({PunctureStatus.CANCELLED, PunctureStatus.ATTEMPTED})


@dataclass(frozen=True, slots=True)
class Words:
    """A document as found in a resource: what it is called, what it says, the orders it answers, the keys that it replaces."""

    title: str
    kind: str
    text: Extract
    element: str
    numbers: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()


def map_document_reference(document: DocumentReference, statement: Statement) -> None:
    """Read the content of a document; a document that replaces another takes that one back."""
    codings = codings_of(document.type)
    if statement.scope.feed.is_skipped_note(codings):
        return
    effective = statement.when(_document_ways(document))
    if effective is None:
        return
    attachments = [part.attachment for part in document.content or () if part.attachment is not None]
    title = title_of(document.type) or _attached_title(attachments) or document.description or ""
    kind = kind_of_note(statement, codings, document.type)
    text = read_best(attachments)
    relations = () if statement.status.is_deleted else document.relates_to or ()
    replaced = tuple(key for relation in relations if (key := _replaced_key(relation, statement)))
    add_note(statement, Words(title, kind, text, "content", replaces=replaced), effective, document.id or "")


def map_diagnostic_report(report: DiagnosticReport, statement: Statement) -> None:
    """Read the words of a report: its conclusion and its presented form; its results come as Observations."""
    codings = codings_of(report.code)
    has_words = bool(report.conclusion or report.presented_form)
    if statement.scope.feed.is_skipped_note(codings) or not (has_words or statement.status.is_deleted):
        return
    effective = statement.when(_report_ways(report))
    if effective is None:
        return
    text = presented = read_best(report.presented_form) if report.presented_form else Extract()
    if report.conclusion:
        said = "\n".join(part for part in (read_text(report.conclusion).text, presented.text) if part)
        text = Extract(said, gap=presented.problem or presented.gap, is_guessed=presented.is_guessed)
    numbers = order_numbers(report.based_on)
    words = Words(
        title_of(report.code), kind_of_note(statement, codings, report.code), text, "presentedForm", numbers
    )
    add_note(statement, words, effective, report.id or "")


def map_communication(message: Communication, statement: Statement) -> None:
    """Read a message where the feed says that its topic or category is a note.

    Others are left alone: the alerts of lpwatch are Communications too, and must not be read as findings.
    """
    codings = (*codings_of(message.topic), *all_codings(message.category))
    kind = statement.scope.feed.note_kind(codings)
    if not kind:
        return
    effective = statement.when((Stated("sent", message.sent), Stated("received", message.received)))
    if effective is None:
        return
    text = _said(message.payload or ())
    add_note(statement, Words(title_of(message.topic), kind, text, "payload"), effective, message.id or "")


def _said(payload: Iterable[Payload]) -> Extract:
    """Return what a message says: its words and, behind them, what is attached."""
    parts = list(payload)
    words = "\n".join(read_text(part.content_string).text for part in parts if part.content_string)
    attached = [part.content_attachment for part in parts if part.content_attachment is not None]
    if not attached:
        return Extract(words) if words else Extract(problem="no content")
    read = read_all(attached)
    text = "\n".join(part for part in (words, read.text) if part)
    return Extract(text, gap=read.problem or read.gap, is_guessed=read.is_guessed) if text else read


def map_note_observation(
    observation: Observation, statement: Statement, kind: str, effective: ClinicalTime
) -> None:
    """Read an Observation whose code the feed names as a note."""
    value = observation.value_codeable_concept
    text = observation.value_string or (value.text if value is not None else None) or ""
    words = Words(
        title_of(observation.code), kind, read_text(text), "valueString", order_numbers(observation.based_on)
    )
    add_note(statement, words, effective, observation.id or "")


def add_note(statement: Statement, words: Words, effective: ClinicalTime, document_id: str) -> None:
    """Add a note and what it states, and take back what it replaces.

    Shape: a version that cannot be read takes nothing back of what stood there before, nor does what is read of one in part.
    """
    text, is_deleted, known = words.text, statement.status.is_deleted, len(statement.issues)
    reading = NoteReading()
    if text.problem and not is_deleted:
        statement.refuse(IssueKind.UNREADABLE_TEXT, words.element, text.problem)
    elif not is_deleted:
        document = NoteDocument(document_id or statement.key, words.title, text.text, words.kind)
        reading = statement.scope.notes.read(document)
        for gap in (text.gap, UNREAD_REST if reading.is_cut else ""):
            if gap:
                statement.note(IssueKind.UNREADABLE_TEXT, words.element, gap)
        if text.is_guessed:
            statement.note(IssueKind.CHARSET, words.element, GUESSED)
    is_whole = is_deleted or not (text.problem or text.gap or reading.is_cut)
    digest = digest_of(" ".join(text.text.split()))
    statement.add(
        NOTE, None, effective, qualifiers=document_marks(digest, words.replaces, is_part=not is_whole)
    )
    if not text.problem and not is_deleted:
        _add_content(statement, words, effective, reading, "" if is_whole else f"{digest}|")
    if is_deleted or not text.problem:
        statement.is_group(statement.key, replaces=is_whole)
    _add_unread(statement, known, effective, () if is_whole else words.replaces)
    for key in words.replaces if is_whole else ():
        statement.take_back(key, NOTE, effective)


def _add_unread(statement: Statement, known: int, effective: ClinicalTime, replaced: tuple[str, ...]) -> None:
    """Add what could not be read, as the issues behind the first `known` say it."""
    lost = statement.issues[known:]
    if lost:
        marks = unread_marks((issue.shown for issue in lost), replaced)
        statement.add(UNREAD, None, effective, part="unread", qualifiers=marks)
        statement.group_last(statement.key, replaces=False)
        statement.issues[known:] = [structs.replace(issue, is_stated=True) for issue in lost]


def _add_content(
    statement: Statement, words: Words, effective: ClinicalTime, reading: NoteReading, begin: str
) -> None:
    """Add what a note states, under keys that begin so."""
    puncture = _puncture(statement, words, reading.puncture)
    sent_ms = (statement.stated_ms or None) if puncture is not None else None
    ordinals: dict[str, int] = {}
    for finding, assertion, written in reading.dated:
        ordinals[finding] = ordinals.get(finding, 0) + 1
        at = time_under(written, effective, sent_ms, statement.scope.feed.zone)
        statement.add(finding, assertion, at, part=f"{begin}{finding}|{ordinals[finding]}")
    if puncture is not None:
        clock = reading.puncture.clock if reading.puncture is not None else None
        at = time_of_day(clock, effective, sent_ms, statement.scope.feed.zone)
        statement.add(PUNCTURE, puncture, at, part=f"{begin}{PUNCTURE}")


def _puncture(statement: Statement, words: Words, read: NotePuncture | None) -> Puncture | None:
    """Return what the note tells of a puncture: only a note about the procedure, by its title or kind, tells of one."""
    if _is_titled(statement, words):
        is_void = read is not None and read.status in _NEEDLE_FAILED
        status = read.status if read is not None and is_void else PunctureStatus.COMPLETED
    elif words.kind == _PROCEDURE_NOTE and read is not None:
        status = read.status
    else:
        return None
    passes, is_traumatic = (read.passes, read.is_traumatic) if read is not None else (None, None)
    return Puncture(status, PunctureSource.NOTE, words.numbers, passes, is_traumatic)


def _is_titled(statement: Statement, words: Words) -> bool:
    first_line = words.text.text.lstrip().partition("\n")[0]
    titles = statement.scope.feed.note_titles
    return any(fold(line).rstrip(" .:") in titles for line in (words.title, first_line))


def _replaced_key(relation: RelatesTo, statement: Statement) -> str:
    code = relation.code if isinstance(relation.code, str) else first_code(relation.code)
    return key_replaced(code, relation.target, "DocumentReference", statement)


def key_replaced(code: str | None, target: Reference | None, kind: str, statement: Statement) -> str:
    """Return the key of the document of a kind that a relation says is replaced, empty where it says something else."""
    literal = parse_literal((target.reference if target else None) or "")
    if code != "replaces" or literal is None or literal.type != kind:
        return ""
    return f"{statement.scope.feed.id}|{literal.type}|{literal.id}"


def _document_ways(document: DocumentReference) -> Iterator[Stated]:
    yield Stated("date", document.date)
    context = document.context
    period = context.period if isinstance(context, DocumentContext) else document.period
    if period is not None:
        yield Stated("period", period.start, period.end)
    for part in document.content or ():
        if part.attachment is not None:
            yield Stated("content.attachment.creation", part.attachment.creation)


def _report_ways(report: DiagnosticReport) -> Iterator[Stated]:
    yield Stated("effectiveDateTime", report.effective_date_time)
    if report.effective_period is not None:
        yield Stated("effectivePeriod", report.effective_period.start, report.effective_period.end)
    yield Stated("issued", report.issued)


def _attached_title(attachments: list[Attachment]) -> str:
    return next((attachment.title for attachment in attachments if attachment.title), "")


def kind_of_note(statement: Statement, codings: tuple[Coding, ...], filed: CodeableConcept | None) -> str:
    """Return the kind of note as the feed names it, else its code."""
    return statement.scope.feed.note_kind(codings) or first_code(filed) or NOTE
