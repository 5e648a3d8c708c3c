"""The shape of feed files of a pack: what a site says of one message feed. Pure: no I/O, no clock.

A section that a feed leaves out is taken from the feed `default`; tables (`systems`, `encounter_classes`,
`admission_types`, `ignore_messages`, `specimens`) are merged with it row by row, the feed's own row first.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from worker.decode.located_yaml import PackModel
from worker.mapping.concept_spec import Identifier


class MatchSpec(PackModel):
    """One way to recognise the feed: all keys that are given must fit."""

    application: str | None = Field(default=None, description="MSH-3, namespace part.")
    facility: str | None = Field(default=None, description="MSH-4, namespace part.")
    transport: str | None = Field(default=None, description="Name of the source, such as mllp:2575 or file.")


class AuthoritySpec(PackModel):
    """How messages write one authority of patient numbers, and the short name it gets; all given keys must fit."""

    name: str
    authority: str | None = Field(default=None, description="PID-3.4: namespace or universal id.")
    type: str | None = Field(default=None, description="PID-3.5 or Identifier.type.")
    system: str | None = Field(default=None, description="Identifier.system, for FHIR.")


class IdentitySpec(PackModel):
    """Whose numbers name a patient."""

    authorities: tuple[AuthoritySpec, ...] = Field(
        default=(),
        description="First row that fits names the authority; without one the text is kept as sent.",
    )
    primary: tuple[str, ...] = Field(
        default=(), description="Authorities in the order in which one is chosen to file facts under."
    )
    unnamed: str = Field(
        default="", description="Authority of numbers that name none; empty: MSH-4, else the feed's id."
    )
    placeholders: tuple[str, ...] = Field(
        default=(), description="Patterns of numbers that name nobody ('^0+$'); such a number is not read."
    )
    never_join_numbers: tuple[str, ...] = Field(
        default=(), description="Patterns of numbers that name a patient but never link two (newborns)."
    )
    never_join_types: tuple[str, ...] = Field(
        default=(), description="PID-3.5 types that name a patient but never link two (visit, account)."
    )


class LocalCodeSpec(PackModel):
    """A code of this feed that means a concept."""

    code: str
    system: str | None = Field(
        default=None, description="As sent, or its short name; left out: whatever it says."
    )
    concept: Identifier
    text: str = Field(default="", description="What the source calls it, for people.")
    unit: str = Field(default="", description="UCUM unit of values that come without one.")
    body_site: str = ""
    specimen: str = ""
    answer: str = Field(default="", description="Value the code stands for, whatever OBX-5 says (a drug).")
    answers: dict[str, str] = Field(default_factory=dict, description="Value as sent → value of the concept.")
    qualifiers: tuple[str, ...] = ()
    seen_in: str = ""


class IgnoredCodeSpec(PackModel):
    """A code that is known and not needed: not reported as unmapped."""

    code: str
    system: str | None = None
    reason: str


class DocumentCodeSpec(PackModel):
    """A code (OBX-3, OBR-4, TXA-2, DocumentReference.type) that says: this is a note."""

    code: str
    system: str | None = None
    kind: str = Field(
        default="note", description="Kind of note: note, procedure-note, nursing-note, triage-note, ..."
    )
    seen_in: str = ""


class CommentSpec(PackModel):
    """NTE segments that hold note text; all keys that are given must fit, the first row that fits decides."""

    below: Literal["result", "order", "patient"] = Field(
        description="result: behind an OBX. order: behind ORC, OBR or TXA. patient: behind PID or PV1."
    )
    code: str | None = Field(default=None, description="OBX-3 of the result, or OBR-4 of the order.")
    system: str | None = None
    type: str | None = Field(default=None, description="NTE-4, first component.")
    kind: str = Field(default="note", description="Kind of note: note, nursing-note, ...")
    seen_in: str = ""


class NotesSpec(PackModel):
    """Where note text is found."""

    types: tuple[DocumentCodeSpec, ...] = ()
    comments: tuple[CommentSpec, ...] = Field(
        default=(),
        description="NTE that are read as notes; without a row none is: most of them are a laboratory's remarks.",
    )
    skip: tuple[DocumentCodeSpec, ...] = Field(
        default=(), description="Documents that are known and not read."
    )


class OrderStatusSpec(PackModel):
    """What an order says of a lumbar puncture; all keys that are given must fit, the first row that fits decides."""

    control: tuple[str, ...] = Field(default=(), description="ORC-1, any of these.")
    status: tuple[str, ...] = Field(default=(), description="ORC-5, any of these.")
    result: tuple[str, ...] = Field(default=(), description="OBR-25, any of these.")
    has_time: bool | None = Field(default=None, description="Whether OBR-7 is given.")
    means: Literal["completed", "attempted", "planned", "cancelled"]


class PunctureSpec(PackModel):
    """Where lumbar punctures are found, beside the codes of the concept `lumbar-puncture`."""

    orders: tuple[OrderStatusSpec, ...] = ()
    note_titles: tuple[str, ...] = Field(
        default=(), description="Title line of a note about the procedure; case does not matter."
    )
    csf_specimen: bool = Field(
        default=True, description="Whether a collected CSF specimen is a record of an LP."
    )


class RateSpec(PackModel):
    """What is normal for the feed; a silent one is reported, and nothing that it charts is called overdue."""

    per_hour: float | None = Field(default=None, description="Messages of an ordinary hour.")
    quiet_after_min: float = Field(gt=0, description="After so long without a message the feed is silent.")
    charts: tuple[str, ...] = Field(
        default=(),
        description="Concepts whose readings come by this feed: while it is silent, silence is not the ward's.",
    )


class FeedSpec(PackModel):
    """One message feed."""

    feed: Identifier
    title: str = ""
    disabled: bool = Field(
        default=False, description="True: the file is documentation, or removes a feed below."
    )
    match: tuple[MatchSpec, ...] = ()
    zone: str | None = Field(default=None, description="Time zone of times without an offset: Europe/London.")
    midnight: Literal["time", "date"] | None = Field(
        default=None, description="date: 00:00:00 means that no time of day is known."
    )
    future_tolerance_min: float | None = Field(
        default=None, description="Clinical times later than the message by more than this are not used."
    )
    version: Literal["source_time", "rank_first"] | None = Field(
        default=None,
        description="rank_first: the engine restamps MSH-7 when it replays; what has no status time of its own "
        "(OBR-22, ORC-9) is ordered by its result status before the time.",
    )
    unvalidated: bool | None = Field(
        default=None,
        description="True: devices send their values without anybody looking, whatever the result status says.",
    )
    result_identity: Literal["order", "order_time"] | None = Field(
        default=None,
        description="order: the filler number names a result for good. order_time: code and time do.",
    )
    number_scope: Literal["patient", "visit"] | None = Field(
        default=None, description="visit: order and document numbers start again at each visit."
    )
    identity: IdentitySpec | None = None
    systems: dict[str, str] = Field(default_factory=dict, description="Code system as sent → short name.")
    names_in_text: tuple[str, ...] | None = Field(
        default=None, description="Systems whose code names may stand in the text of another code (mdc)."
    )
    codes: tuple[LocalCodeSpec, ...] = ()
    ignore_codes: tuple[IgnoredCodeSpec, ...] = ()
    notes: NotesSpec | None = None
    lumbar_puncture: PunctureSpec | None = None
    specimens: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Specimen class → codes and words (SPM-4, OBR-15, Specimen.type)."
    )
    encounter_classes: dict[str, str] = Field(
        default_factory=dict, description="PV1-2 or Encounter.class → inpatient, emergency, outpatient, ..."
    )
    admission_types: dict[str, str] = Field(
        default_factory=dict, description="PV1-4 or Encounter.priority → planned; others mean nothing here."
    )
    ignore_messages: dict[str, str] = Field(
        default_factory=dict,
        description="Message type (ADT^A02, or ADT for all of them) → why it is not needed.",
    )
    error_comments: tuple[str, ...] | None = Field(
        default=None,
        description="Words ('entered in error') that take a result back where a sentence of an NTE below it begins with them.",
    )
    expected_rate: RateSpec | None = None
