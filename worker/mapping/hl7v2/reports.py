"""What a group of segments is: results, a note, an order, a document; read accordingly. Pure: no I/O, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import structs

from worker.decode.hl7v2 import ObservationGroup, ResultGroup, Segment
from worker.mapping.hl7v2.comments import read_comments
from worker.mapping.hl7v2.context import (
    Context,
    Patient,
    Sheet,
    Statement,
    codings_at,
    given,
    meaning_at,
    place_of,
    with_number,
)
from worker.mapping.hl7v2.documents import Document, addenda_of, has_text_type, is_note_text, read_document
from worker.mapping.hl7v2.encounters import event_times
from worker.mapping.hl7v2.punctures import is_puncture, numbers_of, ordered_status, read_puncture_order
from worker.mapping.hl7v2.results import Order, is_deleted_everywhere, read_order, read_results
from worker.mapping.hl7v2.times import stated_at
from worker.mapping.hl7v2.versions import CORRECTED, FINAL, PRELIMINARY, WITHDRAWN

_PROCEDURE_NOTE = "procedure-note"
_GONE = frozenset({"CA", "OB"})
"""TXA-19: deleted, obsolete (table 0273)."""
_UNFINISHED = frozenset({"DI", "IP", "IN", "PA"})
"""TXA-17: dictated, in progress, incomplete, pre-authenticated (table 0271)."""
_ADDENDA = frozenset({"T05", "T06"})
_REPLACEMENTS = frozenset({"T07", "T08", "T09", "T10"})


def read_report(
    context: Context,
    patient: Patient,
    group: ResultGroup,
    counts: Counter[tuple[str, str, str]],
    sheet: Sheet,
) -> None:
    """Read an order with results: notes as documents, the rest as observations, a lumbar puncture as a record; comments."""
    order = read_order(context, group, patient, counts)
    notes = _note_observations(context, group)
    taken = {one.obx.index for one in notes}
    results = [one for one in group.obxs if one.obx.index not in taken] if taken else group.obxs
    read_results(context, order, results, sheet)
    if notes:
        document = _reported_document(context, order, notes)
        read_document(
            context, patient, structs.replace(document, number=_distinct(document.number, counts)), sheet
        )
    elif is_puncture(context, group):
        read_puncture_order(context, patient, group, sheet)
    read_comments(context, patient, order, counts, sheet)


def read_order_group(context: Context, patient: Patient, group: ResultGroup, sheet: Sheet) -> None:
    """Read an order: only one for a lumbar puncture, and a specimen that was collected, say anything here."""
    if is_puncture(context, group):
        read_puncture_order(context, patient, group, sheet)
    elif group.spms:
        read_results(context, read_order(context, group, patient, Counter()), (), sheet)


def read_documents(context: Context, patient: Patient, group: ResultGroup, sheet: Sheet) -> None:
    """Read the document of an MDM."""
    txa = group.txa
    if txa is None:
        return
    kinds = codings_at(txa, 2)
    if context.feed.is_skipped_note(kinds):
        return
    *gone, document = _filed_documents(context, patient, group, txa)
    is_read = read_document(context, patient, document, sheet)
    # What could not be read takes nothing back.
    for older in gone if is_read or document.statement.is_deleted else ():
        read_document(context, patient, older, sheet)


def _note_observations(context: Context, group: ResultGroup) -> list[ObservationGroup]:
    """Return the OBX that hold note text: by the order's code all of them, else by their own."""
    texts = [one for one in group.obxs if has_text_type(one)]
    if not texts or is_puncture(context, group) or _note_kind(context, group) != "":
        return texts
    return [one for one in texts if is_note_text(context, one)]


def _note_kind(context: Context, group: ResultGroup) -> str:
    return meaning_at(context, group.obr, 4).note_kind if group.obr else ""


def _distinct(number: str, counts: Counter[tuple[str, str, str]]) -> str:
    """Keep documents apart that share a number within one message."""
    counts["document", number, ""] += 1
    repeat = counts["document", number, ""]
    return f"{number}#{repeat}" if number and repeat > 1 else number


def _reported_document(context: Context, order: Order, notes: Sequence[ObservationGroup]) -> Document:
    group = order.segments
    obr, first = group.obr, notes[0].obx
    is_deleted = is_deleted_everywhere(notes)
    rank = WITHDRAWN if is_deleted else CORRECTED if order.is_correction else FINAL
    is_about_puncture = is_puncture(context, group)
    kind = meaning_at(context, first, 3).note_kind or _note_kind(context, group)
    return Document(
        number=order.number,
        title=(obr.value(4, 5) or obr.value(4, 2) or obr.value(4)) if obr else "",
        kind=first.value(3) or order.code,
        observations=notes,
        times=[("OBX-14", first.value(14)), *order.times],
        statement=Statement(order.stated_at_ms, rank, is_deleted=is_deleted, is_own_time=order.is_own_time),
        place=place_of(first) if obr is None else f"{place_of(obr)}/{place_of(first)}",
        order=ordered_status(context, group) if is_about_puncture else None,
        order_numbers=numbers_of(group) if is_about_puncture else (),
        is_procedure_note=kind == _PROCEDURE_NOTE,
    )


def _filed_documents(context: Context, patient: Patient, group: ResultGroup, txa: Segment) -> list[Document]:
    own, parent = given(txa.value(12)), given(txa.value(13))
    number = with_number(context, patient, own)
    trigger = context.trigger
    adds_to = ""
    if trigger in _ADDENDA and (own == "" or parent in {"", own}) and (own or parent):
        adds_to = addenda_of(with_number(context, patient, own or parent))
    is_deleted = trigger == "T11" or txa.value(19) in _GONE or is_deleted_everywhere(group.obxs)
    document = Document(
        number=number,
        title=txa.value(2, 2) or txa.value(2),
        kind=group.obxs[0].obx.value(3) if group.obxs else txa.value(2),
        observations=group.obxs,
        times=_document_times(context, group, txa),
        statement=_document_statement(context, txa, is_deleted=is_deleted),
        place=place_of(txa),
        order_numbers=tuple(text for text in (txa.value(14), txa.value(15)) if given(text)),
        is_procedure_note=_is_procedure_note(context, group, txa),
    )
    if adds_to:
        # A deleted addendum cannot be told from others under one number: what was added is taken back as a whole.
        return [
            structs.replace(
                document, number=adds_to if is_deleted else "", adds_to="" if is_deleted else adds_to
            )
        ]
    taken_back = [number] if is_deleted and number else []
    if trigger in _REPLACEMENTS and parent and parent != own:
        document = structs.replace(document, replaces=with_number(context, patient, parent))
        taken_back.append(document.replaces)
    withdrawal = structs.replace(
        document,
        observations=(),
        statement=_document_statement(context, txa, is_deleted=True),
        is_procedure_note=False,
        replaces="",
    )
    gone = [
        structs.replace(withdrawal, number=name, place=place_of(txa, 12 if one == number else 13))
        for one in taken_back
        for name in (one, addenda_of(one))
        if name != number
    ]
    return [*gone, document]


def _document_times(context: Context, group: ResultGroup, txa: Segment) -> list[tuple[str, str]]:
    first = [("OBX-14", group.obxs[0].obx.value(14))] if group.obxs else []
    requested = [("OBR-7", group.obr.value(7))] if group.obr else []
    return [*first, *requested, ("TXA-4", txa.value(4)), *event_times(context)]


def _document_statement(context: Context, txa: Segment, *, is_deleted: bool) -> Statement:
    recorded = [text for origin, text in event_times(context) if origin == "EVN-2"]
    rank = FINAL
    if is_deleted:
        rank = WITHDRAWN
    elif context.trigger in _REPLACEMENTS:
        rank = CORRECTED
    elif txa.value(17) in _UNFINISHED:
        rank = PRELIMINARY
    return Statement(stated_at(context, recorded), rank, is_deleted=is_deleted)


def _is_procedure_note(context: Context, group: ResultGroup, txa: Segment) -> bool:
    meanings = [meaning_at(context, txa, 2), *(meaning_at(context, one.obx, 3) for one in group.obxs[:1])]
    return any(meaning.note_kind == _PROCEDURE_NOTE for meaning in meanings)
