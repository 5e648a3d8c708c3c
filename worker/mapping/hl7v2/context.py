"""What every part of the mapping needs of one message, and the sheet it writes on. Pure: no I/O, no clock."""

from __future__ import annotations

import msgspec

from worker.decode.hl7v2 import Field, Hl7Message, Segment
from worker.decode.timestamps import DecodedTime
from worker.mapping.concepts import Coding
from worker.mapping.digests import digest_of, written
from worker.mapping.feeds import Feed, Meaning, elements
from worker.mapping.hl7v2.versions import CORRECTED
from worker.mapping.pack import MappingPack
from worker.model.fact import (
    NEWEST_MS,
    UNDATED_MS,
    Fact,
    Group,
    Identifier,
    IdentityLink,
    SourceRef,
    Value,
    Version,
)
from worker.model.message import Issue, RawMessage
from worker.model.time import ClinicalTime, EpochMs
from worker.notes.reader import NoteReader

DELETE = '""'
"""What stands in a field to delete its value (HL7 v2.5.1 ch. 2.5.3)."""


class Context(msgspec.Struct, frozen=True, gc=False):
    """One message with its feed.

    Shape: `trigger` is MSH-9.2, else EVN-1. `message_at_ms` is MSH-7, None where it is absent, unreadable or not believed.
    `message_id` is MSH-10. `latest_ms` is the instant after which nothing can have happened, where one is known. `times`
    keeps what was read of each time text of the message.
    """

    raw: RawMessage
    message: Hl7Message
    feed: Feed
    pack: MappingPack
    notes: NoteReader
    trigger: str
    message_at_ms: EpochMs | None
    message_id: str
    latest_ms: EpochMs | None = None
    times: dict[str, DecodedTime | None] = msgspec.field(default_factory=dict)


class Patient(msgspec.Struct, frozen=True, gc=False):
    """Whom a part of the message is about.

    Shape: `identifiers` not empty, the one facts are filed under first; `visit` is PV1-19, `birth_ms` the start of PID-7.
    `times` keeps what was found of each clinical time, by field and text: it, or why it cannot be.
    """

    identifiers: tuple[Identifier, ...]
    visit: str = ""
    birth_ms: EpochMs | None = None
    times: dict[tuple[str, str], ClinicalTime | str] = msgspec.field(default_factory=dict)


class Statement(msgspec.Struct, frozen=True, gc=False):
    """How a statement stands in the message: its time of status, its rank and whether it takes something back.

    Shape: `rank` and `status` as `versions.STATUSES` gives them. `is_own_time` where the statement says itself when it was made
    (OBR-22, ORC-9): whoever restamps MSH-7 does not touch that, and what was taken back may stand again.
    """

    stated_at_ms: EpochMs
    rank: int
    status: str = ""
    is_deleted: bool = False
    is_own_time: bool = False

    def order(self, *, is_rank_first: bool) -> tuple[int, int]:
        """Return what orders versions, without the digest."""
        is_last = self.stated_at_ms == UNDATED_MS and self.rank >= CORRECTED
        stated_ms = NEWEST_MS if is_last else self.stated_at_ms
        if is_rank_first and not self.is_own_time:
            return (self.rank, stated_ms)
        return (stated_ms, self.rank)


class Sheet(msgspec.Struct):
    """What has been read of a message so far."""

    facts: list[Fact] = msgspec.field(default_factory=list)
    links: list[IdentityLink] = msgspec.field(default_factory=list)
    issues: list[Issue] = msgspec.field(default_factory=list)
    patients: dict[tuple[str, str], Identifier] = msgspec.field(default_factory=dict)

    def meet(self, identifiers: tuple[Identifier, ...]) -> None:
        """Note identifiers that name a patient of the message."""
        for identifier in identifiers:
            self.patients.setdefault(identifier.key, identifier)


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A fact before its version is known."""

    key: str
    concept: str
    effective: ClinicalTime
    value: Value
    place: str
    group: Group | None = None
    specimen: str = ""
    qualifiers: tuple[str, ...] = ()


def make_fact(context: Context, patient: Patient, draft: Draft, statement: Statement) -> Fact:
    """Give a draft its version: source status time, rank, digest of the content."""
    value = None if statement.is_deleted else draft.value
    major, minor = statement.order(is_rank_first=context.feed.is_rank_first)
    at = draft.effective
    content = f"{draft.concept}|{written(value)}|{at.start_ms}|{at.end_ms}|{at.precision:d}|{at.origin}|{statement.is_deleted}"
    # By position: by name costs half as much again.
    return Fact(
        patient.identifiers[0],
        draft.key,
        Version(major, minor, digest_of(content)),
        draft.concept,
        at,
        value,
        SourceRef(context.feed.id, context.message_id, draft.place, context.raw.received_at_ms),
        draft.group,
        statement.is_deleted,
        draft.specimen,
        "" if statement.is_deleted else statement.status,
        draft.qualifiers,
    )


CODED_PARTS = 6
"""Components of a coded element (CE, CWE, CNE) that name its code and its alternate."""


def codings_at(segment: Segment, number: int) -> tuple[Coding, ...]:
    """Read a coded element: its code and its alternate, those that hold anything. Not for values: these are remembered."""
    return elements(segment.components(number, CODED_PARTS))


def meaning_at(context: Context, segment: Segment, number: int) -> Meaning:
    """Return what a coded element means to the feed. Not for values: meanings are remembered."""
    written = segment.components(number, CODED_PARTS)
    return context.feed.meanings.get(written) or context.feed.remember(written, elements(written))


def codings_of(coded: Field) -> tuple[Coding, ...]:
    """Read a coded element that may hold a value of the patient."""
    return elements(tuple(coded.component(number) for number in range(1, CODED_PARTS + 1)))


def all_codings(segment: Segment, number: int) -> tuple[Coding, ...]:
    """Read every repeat of a coded field."""
    return tuple(coding for repeat in segment.repeats(number) for coding in codings_of(repeat))


def place_of(segment: Segment, number: int | None = None) -> str:
    """Name a segment or field as the standard does: "OBX[3]-5"."""
    suffix = "" if number is None else f"-{number}"
    return f"{segment.name}[{segment.index}]{suffix}"


def given(text: str) -> str:
    """Return the text of a field, empty where it asks for deletion."""
    return "" if text == DELETE else text


def with_number(context: Context, patient: Patient, number: str) -> str:
    """Return an order or document number, made unique over visits where the feed starts again at each."""
    return f"{patient.visit}/{number}" if number and context.feed.is_number_per_visit else number
