"""What all resources of one FHIR document share while they are mapped. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from worker.decode.fhir import References
from worker.mapping.feeds import Feed
from worker.mapping.fhir.subjects import Subject
from worker.mapping.pack import MappingPack
from worker.model.time import EpochMs
from worker.notes.reader import NoteReader


# Not frozen: it is made once for each document, remembers as it goes, and never leaves the mapping.
class Scope(msgspec.Struct):
    """The document around a resource.

    Shape: `message_at` is the document's own time as written, `message_at_ms` the instant, None where it has none or one later
    than `latest_ms`, which cannot be believed. `births` holds the birth dates of patients in the document, by identifier.
    `subjects` remembers who each reference names, so that a Bundle about one patient resolves it once.
    """

    feed: Feed
    pack: MappingPack
    notes: NoteReader
    references: References
    message_id: str
    message_at: str
    message_at_ms: EpochMs | None
    received_at_ms: EpochMs
    latest_ms: EpochMs | None
    births: Mapping[tuple[str, str], EpochMs]
    subjects: dict[str, Subject] = msgspec.field(default_factory=dict)
