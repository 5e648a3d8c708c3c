"""NTE segments that hold note text, where the feed says so (`notes.comments`). Pure: no I/O, no clock.

The NTE right behind a result are one note at the time of the result, those behind its order one at the time of the order, those
behind the patient one at the time of the message. A result that is taken back takes its note back, and so does a correction
that comes without one. Source: HL7 v2.5.1 ch. 2.5.1 (NTE), table 0364.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from worker.decode.documents import read_text
from worker.decode.hl7v2 import ObservationGroup, Segment
from worker.mapping.concepts import Coding
from worker.mapping.hl7v2.context import (
    DELETE,
    Context,
    Patient,
    Sheet,
    Statement,
    codings_at,
    place_of,
)
from worker.mapping.hl7v2.documents import Document, read_document
from worker.mapping.hl7v2.results import Order
from worker.mapping.hl7v2.versions import CORRECTED, FINAL, WITHDRAWN, status_of


def read_comments(
    context: Context, patient: Patient, order: Order, counts: Counter[tuple[str, str, str]], sheet: Sheet
) -> None:
    """Read the comments of an order, its results and its patient; a feed that names none has none."""
    if not context.feed.comments:
        return
    for document in _documents(context, order, counts):
        read_document(context, patient, document, sheet)


def _documents(context: Context, order: Order, counts: Counter[tuple[str, str, str]]) -> Iterator[Document]:
    group = order.segments
    rank = CORRECTED if order.is_correction else FINAL
    statement = Statement(order.stated_at_ms, rank, is_own_time=order.is_own_time)
    for observation in group.obxs:
        found = _below_result(context, order, observation, counts)
        if found is not None:
            yield found
    named = codings_at(group.obr, 4) if group.obr is not None else ()
    about_order = _document(context, "order", named, group.ntes, order.times, statement)
    if about_order is not None:
        yield _numbered(about_order, order.number, "order", counts)
    whose = str(group.pid.index) if group.pid is not None else ""
    counts["patient-comments", whose, ""] += 1
    is_first = counts["patient-comments", whose, ""] == 1
    about_patient = _document(context, "patient", (), group.patient_ntes, (), statement) if is_first else None
    if about_patient is not None:
        yield about_patient


def _below_result(
    context: Context, order: Order, observation: ObservationGroup, counts: Counter[tuple[str, str, str]]
) -> Document | None:
    obx = observation.obx
    status = status_of(obx.value(11))
    times = (("OBX-14", obx.value(14)), *order.times)
    named = codings_at(obx, 3)
    rank = CORRECTED if order.is_correction and status.rank == FINAL else status.rank
    statement = Statement(order.stated_at_ms, rank, status.name, is_own_time=order.is_own_time)
    found = _document(context, "result", named, observation.ntes, times, statement)
    is_void = status.is_deleted or obx.raw(5) == DELETE
    if is_void or (found is None and status.is_correction and context.feed.comment_kind("result", named, "")):
        # Nothing is left of what an older version may have said here.
        void = Statement(order.stated_at_ms, WITHDRAWN, is_deleted=True, is_own_time=order.is_own_time)
        found = Document("", "", "", (), times, void, place_of(obx), text="")
    code = obx.value(3) or obx.value(3, 2)
    return None if found is None else _numbered(found, order.number, f"{code}|{obx.value(4)}", counts)


def _document(
    context: Context,
    below: str,
    named: Sequence[Coding],
    ntes: Sequence[Segment],
    times: Sequence[tuple[str, str]],
    statement: Statement,
) -> Document | None:
    read = [(nte, context.feed.comment_kind(below, named, nte.value(4))) for nte in ntes]
    kept = [(nte, kind) for nte, kind in read if kind]
    text = "\n".join(line for nte, _ in kept for line in nte.field(3).text_repeats if line != DELETE)
    text = read_text(text).text
    if not text.strip():
        return None
    title = next((coding.text for coding in named if coding.text), "")
    return Document("", title, kept[0][1], (), times, statement, place_of(kept[0][0], 3), text=text)


def _numbered(document: Document, number: str, name: str, counts: Counter[tuple[str, str, str]]) -> Document:
    """Name a comment by its order and what it stands below; without an order its text does."""
    if not number:
        return document
    full = f"{number}|comment|{name}"
    counts["comment", full, ""] += 1
    repeat = counts["comment", full, ""]
    return msgspec.structs.replace(document, number=f"{full}#{repeat}" if repeat > 1 else full)
