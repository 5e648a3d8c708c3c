"""What arrived, and what became of it. Pure: no I/O, no clock. DESIGN of the way of a message: docs/architecture.md."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

import msgspec

from worker.model.fact import Claim, Fact, Identifier, IdentityLink
from worker.model.time import EpochMs

_DIGITS = 16


class Form(StrEnum):
    """Name the standard that a message is written in."""

    HL7V2 = "hl7v2"
    FHIR = "fhir"


class RawMessage(msgspec.Struct, frozen=True, gc=False):
    """One message as received, before anything is read from it.

    Shape: `body` is exactly one HL7 v2 message or one FHIR JSON document. `transport` is the name of the source that
    took it ("file", "mllp:2575"); packs match feeds by it after MSH-3 and MSH-4. `fault` is empty for a whole message; else it
    says, in a constant phrase, why the source could not take one out of its bytes ("frame too large"): `body` is then what
    was received of it, kept for the quarantine and never decoded.
    """

    body: bytes
    form: Form
    transport: str
    received_at_ms: EpochMs
    fault: str = ""

    @property
    def digest(self) -> str:
        """Tell its bytes apart from those of other messages.

        Shape: the first 64 bits of SHA-256 as 16 hexadecimal digits; stored, so it stays as it is.
        """
        return sha256(self.body).hexdigest()[:_DIGITS]


class OutcomeKind(StrEnum):
    """Name the three ends of a message; every received message has exactly one."""

    PROCESSED = "processed"
    IGNORED = "ignored"
    DEAD_LETTERED = "dead_lettered"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """Say how a message ended, and why unless it was processed.

    Shape: `reason` is a constant, lower-case phrase that can be counted ("message type ADT^A02"); `place` where in the
    message ("PID-3"), empty for the whole.
    """

    kind: OutcomeKind
    reason: str = ""
    place: str = ""


class IssueKind(StrEnum):
    """Name what was noticed in a message without ending it."""

    UNMAPPED_CODE = "unmapped-code"
    UNMAPPED_UNIT = "unmapped-unit"
    UNMAPPED_ANSWER = "unmapped-answer"
    MISSING_UNIT = "missing-unit"
    BAD_VALUE = "bad-value"
    BAD_TIME = "bad-time"
    IMPLAUSIBLE = "implausible"
    BAD_ENTRY = "bad-entry"
    UNREADABLE_TEXT = "unreadable-text"
    CHARSET = "charset"
    VERSION_TIE = "version-tie"


class Issue(msgspec.Struct, frozen=True, gc=False):
    """One thing in a message that could not be used, said without any data of the patient.

    Shape: `place` as the standard names it ("OBR[1]/OBX[3]-5"); `subject` what it is about, from the code side only
    ("WelchAllyn|tt-0005-03", "unit DegX"). Issues are counted, shown and, where `is_quarantined`, kept with the bytes. One that
    `is_stated` is a fact of the message, too: a later version may take it back.
    """

    kind: IssueKind
    place: str
    subject: str
    is_quarantined: bool = False
    is_stated: bool = False

    @property
    def shown(self) -> str:
        """Return what it says in words."""
        return f"{self.kind.value}: {self.subject}"


class Unused(msgspec.Struct, frozen=True, gc=False, order=True):
    """Something in messages of one patient that could not be used, once for each feed, kind, subject and day.

    Shape: `at_ms` is the receipt time of the first of its day; `subject` as
    `Issue.subject`, and like it nothing of the patient.
    """

    at_ms: EpochMs
    feed: str
    kind: IssueKind
    subject: str

    @property
    def shown(self) -> str:
        """Return what it says in words."""
        return f"{self.kind.value}: {self.subject}"

    def names(self) -> frozenset[str]:
        """Give the words of its subject, among which is the concept where the code had one."""
        return frozenset(self.subject.replace(":", " ").split())


class Reading(msgspec.Struct, frozen=True, gc=False):
    """All that one message says, or why it says nothing.

    Shape: `facts` in the order of the message; `patients` every identifier that names a patient of this message, the one
    facts are filed under first; `links` identity statements (several identifiers of one PID, merges, `Patient.link`);
    `claims` whose each resource is that has an id of its own, deleted ones included.
    `message_at_ms` is MSH-7 or `meta.lastUpdated`, None where it is absent or unreadable.
    """

    outcome: Outcome
    feed: str = ""
    message_type: str = ""
    message_id: str = ""
    message_at_ms: EpochMs | None = None
    patients: tuple[Identifier, ...] = ()
    facts: tuple[Fact, ...] = ()
    links: tuple[IdentityLink, ...] = ()
    issues: tuple[Issue, ...] = ()
    claims: tuple[Claim, ...] = ()
