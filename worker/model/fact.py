"""One clinical statement about one patient, with its identity, version and time. Pure: no I/O, no clock."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from worker.model.time import ClinicalTime, EpochMs

UNVALIDATED = "unvalidated"
"""The qualifier of a value that a device sent and nobody looked at, where the feed says so of all its values."""


UNANNOUNCED = "unannounced"
"""The qualifier of a visit of which only updates tell, so that nobody knows since when it lasts."""


PLANNED, UNPLANNED = "planned", "unplanned"
"""The qualifiers of a visit that was said to be planned, and to be of another kind: what says neither takes neither back."""


LEFT, STAYED = "left", "stayed"
"""The qualifiers of what says of a visit only that the patient left, and that he had not."""


DIED = "died"
"""The reason of a discharge by death."""


SAME_PID, MERGE, PATIENT_LINK, UNLINK = "same-pid", "merge", "patient-link", "unlink"
"""Kinds of links: numbers of one record, two records that turned out to be one person (A18 A34 A40 ...), the same as FHIR says
it (`Patient.link`), and that they are not."""


MOVED = "moved"
"""The kind of a link of two patients of whom one had what is the other's: a visit, an account (A43 A44 A45)."""


VERSION = "version"
"""The kind of a link of a record with itself: what older versions of it said does not count any more."""


class Identifier(msgspec.Struct, frozen=True, gc=False, order=True):
    """A patient identifier: the authority that issued it (PID-3.4, `Identifier.system`) and its value (PID-3.1).

    Two identifiers are the same when authority and value are; `type` (PID-3.5) is carried for people.
    """

    authority: str
    value: str
    type: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Return what decides sameness."""
        return (self.authority, self.value)


class IdentityLink(msgspec.Struct, frozen=True, gc=False):
    """A statement that two identifiers name one person, or no longer do.

    Shape: `kind` is one of those above. For one unordered pair the statement with the highest (`stated_at_ms`, `kind`) counts,
    so that the order of arrival does not.
    `record` is the number of the FHIR Patient that says so, one of the two: the statement counts until a newer version of the
    record, which is a link of the record with itself of kind "version", does not repeat it.
    """

    first: Identifier
    second: Identifier
    kind: str
    stated_at_ms: EpochMs
    record: Identifier | None = None


class Claim(msgspec.Struct, frozen=True, gc=False):
    """Whose a version of a resource says that the resource is: this patient's, or nobody's, for it was deleted.

    Shape: `resource` begins the keys of all facts that versions of the resource make ("feed|Observation|7");
    `stated_at` orders versions like `Group.stated_at`.
    """

    resource: str
    patient: Identifier | None
    stated_at: tuple[int, int]
    received_at_ms: EpochMs


UNDATED_MS, NEWEST_MS = 0, 253_402_300_799_000
"""What nobody can date was stated before everything else; a correction that nobody can date, after it (ADR 0042)."""


class Version(msgspec.Struct, frozen=True, gc=False, order=True):
    """Order the versions of one statement; the highest wins.

    Shape: (source status time, rank of the result status, digest of the content). A feed whose engine restamps MSH-7
    (`version: rank_first`) puts the rank in `major` and the time in `minor`; others the reverse.
    Source: HL7 v2.5.1 ch. 7 (OBR-22, OBX-11), HL7 table 0085.
    """

    major: int
    minor: int
    digest: str

    @property
    def stated_ms(self) -> EpochMs:
        """Return the source status time, wherever the feed puts it (a rank is never that large); zero where nobody knows."""
        stated_ms = max(self.major, self.minor)
        return UNDATED_MS if stated_ms == NEWEST_MS else stated_ms


class Group(msgspec.Struct, frozen=True, gc=False):
    """A set of statements that a newer message can replace as a whole (an OBR, a document).

    Shape: `stated_at` orders the messages about the group (like `Version`, without digest). Where `replaces` is true, all
    statements of the group that were made by an older message no longer stand, whether or not they are repeated.
    """

    key: str
    stated_at: tuple[int, int]
    replaces: bool


class Comparator(StrEnum):
    """Name how a reported number bounds the true one (SN.1, `Quantity.comparator`)."""

    EXACT = ""
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="


class Quantity(msgspec.Struct, frozen=True, gc=False):
    """A number in the concept's canonical UCUM unit, already rounded to the concept's precision.

    `reported` is what the source wrote, with its unit, for people to compare ("100.6 [degF]").
    """

    value: float
    unit: str
    comparator: Comparator = Comparator.EXACT
    reported: str = ""


class Coded(msgspec.Struct, frozen=True, gc=False):
    """A value from a list that the pack defines for the concept (ACVPU letter, positive/negative/contaminant, a drug)."""

    code: str
    reported: str = ""


class PunctureStatus(StrEnum):
    """Say what a record tells about a lumbar puncture; the first two open an episode."""

    COMPLETED = "completed"
    ATTEMPTED = "attempted"
    PLANNED = "planned"
    CANCELLED = "cancelled"


class PunctureSource(StrEnum):
    """Name the kind of record that tells of a lumbar puncture, in order of precedence for its time."""

    SPECIMEN = "specimen"
    NOTE = "note"
    PROCEDURE = "procedure"
    ORDER = "order"


class Puncture(msgspec.Struct, frozen=True, gc=False):
    """What one record says of a lumbar puncture; its time is the fact's `effective` (end: PR1-7, OBR-8, performedPeriod.end).

    Shape: `numbers` are order numbers (placer, filler, `ServiceRequest`) by which records of one LP find each other.
    `passes` and `is_traumatic` only where documented.
    """

    status: PunctureStatus
    source: PunctureSource
    numbers: tuple[str, ...] = ()
    passes: int | None = None
    is_traumatic: bool | None = None


class AssertionStatus(StrEnum):
    """Say what a note states of a finding. Source: the vignette format."""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"
    RESOLVED = "resolved"
    HISTORICAL = "historical"
    HYPOTHETICAL = "hypothetical"
    FAMILY = "family"


class Assertion(msgspec.Struct, frozen=True, gc=False):
    """A finding as a note or a coded entry states it.

    Shape: `qualifiers` sorted; `span` the characters of the document's text, `sentence` the sentence around them, `phrase`
    the same characters counted in the sentence (all empty for a coded entry). `title` of the note and `section`, the
    heading that says what kind of text it stands in, empty without one.
    """

    status: AssertionStatus
    qualifiers: tuple[str, ...] = ()
    span: tuple[int, int] | None = None
    sentence: str = ""
    phrase: tuple[int, int] | None = None
    title: str = ""
    section: str = ""


class EncounterValue(msgspec.Struct, frozen=True, gc=False):
    """A stay or visit: its class ("inpatient", "emergency", "outpatient", ...), visit number and reason as filed."""

    encounter_class: str
    visit: str = ""
    reason: str = ""


class Location(msgspec.Struct, frozen=True, gc=False):
    """Where a patient was put, from the fact's `effective` on: ward, room, bed, house; each empty where it was not said.

    Shape: `unit` is never empty; `visit` the number of the visit, empty where none was given.
    Source: HL7 v2.5.1 PL (PV1-3), FHIR `Encounter.location`.
    """

    unit: str
    room: str = ""
    bed: str = ""
    facility: str = ""
    visit: str = ""


class Moment(msgspec.Struct, frozen=True, gc=False):
    """A point in time as a value (a birth date); the fact's `effective` repeats it."""

    at_ms: EpochMs


Value: TypeAlias = Quantity | Coded | Puncture | Assertion | EncounterValue | Location | Moment | None


class SourceRef(msgspec.Struct, frozen=True, gc=False):
    """Where a fact was read: enough to find the bytes again, nothing of the patient.

    Shape: `message_id` is MSH-10 or `Bundle.id`/resource id; `place` as the standard names it ("OBR[1]/OBX[3]");
    `received_at_ms` is our receipt time and never enters a finding.
    """

    feed: str
    message_id: str
    place: str
    received_at_ms: EpochMs


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One clinical statement about one patient.

    Shape: `key` names the statement within `patient` (feed, order number, code, occurrence); facts with equal `patient` and
    `key` are versions of one statement. `concept` is a concept of the pack. `is_deleted` marks a version that takes the
    statement back (OBX-11 D/W/X, `""`, entered-in-error): it may arrive before what it deletes. `value` is None only
    then, and for a note document (concept "note").
    `result_status` is "preliminary", "final", "corrected" or "" (unknown).
    """

    patient: Identifier
    key: str
    version: Version
    concept: str
    effective: ClinicalTime
    value: Value
    source: SourceRef
    group: Group | None = None
    is_deleted: bool = False
    specimen: str = ""
    result_status: str = ""
    qualifiers: tuple[str, ...] = ()
