"""What runtime and storage hand each other: frozen values of one unit of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from worker.correlate.matching import StoredEpisode
from worker.model.alert import Alert, AlertChange, HistoryLine, Notice
from worker.model.fact import MOVED, Claim, Fact, Identifier, IdentityLink
from worker.model.message import RawMessage, Unused
from worker.model.time import EpochMs

NO_RECORD, MOVED_RECORD = 0, -1
"""What stands for the record of a link that none says, and where something moved from one patient to another."""


def record_of(link: IdentityLink, number: Callable[[Identifier], int]) -> int:
    """Give the number of the record that says a link; no two records of one pair overwrite each other."""
    if link.record is not None:
        return number(link.record)
    return MOVED_RECORD if link.kind == MOVED else NO_RECORD


class CountKey(NamedTuple):
    """What is counted.

    Shape: `stage` is the end of a message ("processed", "ignored", "dead_lettered"), "issue" or "assessment".
    """

    stage: str
    feed: str
    reason: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a part of the journal is consumed: the next offset, and the receipt time of the last message taken.

    Shape: `caught_up_ms` is the last instant at which nothing of the part was left to read; an idle part has only that. `log`
    tells the log that `next` counts in from another of the same name, "" where nobody noted it.
    """

    next: int = 0
    at_ms: EpochMs = 0
    caught_up_ms: EpochMs = 0
    log: str = ""


class NoticeKey(NamedTuple):
    """What tells the notices of one sink apart: one notice may go to several targets."""

    notice_id: str
    target: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One notice on its way to one place.

    Shape: `target` is a Kafka topic, "" for an outlet with one place. `kind` says what the body is: "alert" (the whole
    document), "alert-minimal", "alert-fhir" (the whole document, which the sink converts) or "dead-letter" (the bytes of a
    message).
    """

    sink: str
    target: str
    kind: str
    notice: Notice


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One thing that was set aside: a dead letter, an unusable fact, a failed assessment, or a notice no sink will take.

    Shape: `kind` is "message", "fact", "assessment" or "notice". `offset` finds the bytes in the journal part, `message`
    brings them along; both are None for the last two. A notice has its id as `message_id`, its sink as `feed` and its target
    as `place`; its bytes stay in the outbox, unless a smaller form of it went in
    its place. `reason` and `place` hold no data of the patient.
    """

    kind: str
    at_ms: EpochMs
    reason: str
    place: str = ""
    feed: str = ""
    message_type: str = ""
    message_id: str = ""
    offset: int | None = None
    message: RawMessage | None = None


class FeedClock(NamedTuple):
    """How the clock of a feed stands to ours: when its last message was written (MSH-7, `meta.lastUpdated`) and received.

    Shape: `ahead_ms` is by how much the message that was least under way was written later than received; negative as a rule.
    """

    written_ms: EpochMs
    received_ms: EpochMs
    ahead_ms: int


@dataclass(frozen=True, slots=True)
class Batch:
    """All that one ingest transaction writes.

    Shape: the messages [`first`, `next`) of `part`; `at_ms` is the receipt time of the last of them. `due` names every
    patient touched with the receipt time of the message that touched it; `outgoing` are dead letters for a sink; `unused`
    names what could not be used, with the patient it may be about. `clocks` is not written. `claims`
    make due whoever had a resource that another has now, or nobody.
    """

    part: str
    first: int
    next: int
    at_ms: EpochMs
    facts: Sequence[Fact] = ()
    links: Sequence[IdentityLink] = ()
    due: Mapping[Identifier, EpochMs] = field(default_factory=dict)
    quarantined: Sequence[Quarantined] = ()
    counts: Mapping[CountKey, int] = field(default_factory=dict)
    feeds: Mapping[str, EpochMs] = field(default_factory=dict)
    outgoing: Sequence[Outgoing] = ()
    unused: Sequence[tuple[Identifier, Unused]] = ()
    clocks: Mapping[str, FeedClock] = field(default_factory=dict)
    claims: Sequence[Claim] = ()


class BlindSpan(NamedTuple):
    """For how long an LP is blind for a reason, if nothing more comes: from `from_ms` on, and before `until_ms`."""

    kind: str
    from_ms: EpochMs
    until_ms: EpochMs


@dataclass(frozen=True, slots=True)
class Case:
    """One patient (all identifiers that are joined), as an assessment reads it.

    Shape: `patients` in the order they became known; `facts` all versions, any order; `episodes` the stored ones, with
    `alerts` of any state and by their ids the spans in which they were said to be `blind`. `unused` is what could not be
    used of the patient's messages lately.
    """

    patients: tuple[Identifier, ...]
    facts: tuple[Fact, ...]
    episodes: tuple[StoredEpisode, ...]
    alerts: tuple[Alert, ...]
    unused: tuple[Unused, ...] = ()
    blind: Mapping[str, tuple[BlindSpan, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EpisodeRecord:
    """A stored LP: `patient` is whom its first record names, so that it follows this record when patients part."""

    episode_id: str
    patient: Identifier
    anchor_ms: EpochMs
    created_at_ms: EpochMs
    is_presumed: bool
    record_keys: frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one assessment decided for a case.

    Shape: `episodes` are the LPs that stand now; stored ones not among them stand no longer. `redirects` are (old id,
    kept id). `next_due_ms` is when the answer can change by time alone; `blind` tells by the LP's id for how long its rules
    are blind, each kind once and sorted. `unused` is what turned out to be unclear about the patient's data. With a `failure`
    nothing else is written.
    """

    episodes: tuple[EpisodeRecord, ...] = ()
    redirects: tuple[tuple[str, str], ...] = ()
    changes: tuple[AlertChange, ...] = ()
    notices: tuple[Outgoing, ...] = ()
    next_due_ms: EpochMs | None = None
    failure: Quarantined | None = None
    blind: Mapping[str, tuple[BlindSpan, ...]] = field(default_factory=dict)
    unused: tuple[Unused, ...] = ()

    @property
    def counts(self) -> Mapping[CountKey, int]:
        """Count what is unclear, as issues of messages are counted."""
        return Counter(CountKey("issue", item.feed, item.kind.value, item.subject) for item in self.unused)


@dataclass(frozen=True, slots=True)
class Assessed:
    """What a call of `assess` did: due rows taken, cases judged, changes people can see, cases that failed.

    Shape: `busy` counts due rows that were left because somebody else is at their patients: soon they can be taken.
    `failures` are those that the store found itself, beside the failures of verdicts: a patient that it could not read,
    lock or write. `unwritten` are the verdicts among them that were given in vain.
    """

    due: int = 0
    cases: int = 0
    changes: int = 0
    failed: int = 0
    busy: int = 0
    failures: tuple[Quarantined, ...] = ()
    unwritten: tuple[Verdict, ...] = ()

    def __add__(self, other: Assessed) -> Assessed:
        """Add up two calls."""
        return Assessed(
            self.due + other.due,
            self.cases + other.cases,
            self.changes + other.changes,
            self.failed + other.failed,
            self.busy + other.busy,
            self.failures + other.failures,
            self.unwritten + other.unwritten,
        )


@dataclass(frozen=True, slots=True)
class PendingNotice:
    """A notice that waits for its sink: how often it was tried, where it goes, what its body is, and since when it waits."""

    notice: Notice
    attempts: int
    target: str = ""
    kind: str = "alert"
    created_at_ms: EpochMs = 0

    @property
    def key(self) -> NoticeKey:
        """Tell it apart from the others of its sink."""
        return NoticeKey(self.notice.notice_id, self.target)


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """An alert with the identifiers of its patient, merged ones included, and its history."""

    alert: Alert
    patients: tuple[Identifier, ...]
    history: tuple[HistoryLine, ...]
