"""Turn messages of the journal into facts, links, due rows and counts: one transaction for a batch, no patient locked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from worker.model.errors import LpwatchError
from worker.model.fact import UNLINK, Claim, Fact, Identifier, IdentityLink
from worker.model.message import IssueKind, Outcome, OutcomeKind, RawMessage, Reading, Unused
from worker.model.time import EpochMs
from worker.rules.blind import OF_NOTES
from worker.runtime.dead_letters import DeadLetters
from worker.runtime.journal import Entry
from worker.runtime.lateness import Lateness
from worker.storage.records import Batch, CountKey, FeedClock, Position, Quarantined

_log = structlog.get_logger(__name__)

_MAX_SUBJECT = 120

JOURNAL = "journal"
"""The part whose messages come from the journal of this data folder."""


class IngestStore(Protocol):
    """Keep what ingest writes, whole batches only."""

    def position(self, part: str) -> Position:
        """Tell how far this part of the journal is consumed."""

    def record(self, batch: Batch) -> bool:
        """Write a batch; False, and nothing written, where the position is not where the batch begins.

        Raises: TemporaryError where nothing was written and a retry can help.
        """

    def record_all(self, batches: Sequence[Batch]) -> bool:
        """Write batches of different parts with one commit; False, and nothing written, where one position is elsewhere.

        Raises: TemporaryError where nothing was written and a retry can help.
        """


@dataclass(slots=True)
class _Draft:
    """What the messages of a batch said so far."""

    facts: list[Fact] = field(default_factory=list)
    links: list[IdentityLink] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    due: dict[Identifier, EpochMs] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    counts: Counter[CountKey] = field(default_factory=Counter)
    feeds: dict[str, EpochMs] = field(default_factory=dict)
    unused: dict[tuple[Identifier, str, IssueKind, str], Unused] = field(default_factory=dict)
    clocks: dict[str, FeedClock] = field(default_factory=dict)

    def add(self, offset: int, raw: RawMessage, reading: Reading) -> None:
        """Take in one message: it is counted under exactly one end."""
        outcome, at_ms = reading.outcome, raw.received_at_ms
        self.counts[CountKey(outcome.kind.value, reading.feed, outcome.reason)] += 1
        self.feeds[reading.feed] = max(at_ms, self.feeds.get(reading.feed, at_ms))
        if reading.message_at_ms is not None:
            known, ahead_ms = self.clocks.get(reading.feed), reading.message_at_ms - at_ms
            ahead_ms = ahead_ms if known is None else max(ahead_ms, known.ahead_ms)
            self.clocks[reading.feed] = FeedClock(reading.message_at_ms, at_ms, ahead_ms)
        self.facts.extend(reading.facts)
        self.links.extend(reading.links)
        self.claims.extend(reading.claims)
        for patient in _touched(reading):
            self.due[patient] = max(at_ms, self.due.get(patient, at_ms))
        if outcome.kind is OutcomeKind.DEAD_LETTERED:
            self._set_aside("message", offset, raw, reading, (outcome.reason, outcome.place))
        for issue in reading.issues:
            self.counts[CountKey("issue", reading.feed, issue.kind.value, issue.subject[:_MAX_SUBJECT])] += 1
            for who in _concerned(reading):
                key = (who, reading.feed, issue.kind, issue.subject[:_MAX_SUBJECT])
                if not issue.is_stated:
                    self.unused.setdefault(key, Unused(at_ms, *key[1:]))
                if (
                    issue.kind in OF_NOTES
                ):  # it states nothing, and yet whoever it is about is blind from now on
                    self.due[who] = max(at_ms, self.due.get(who, at_ms))
            if issue.is_quarantined:
                self._set_aside("fact", offset, raw, reading, (issue.kind.value, issue.place))

    def _set_aside(
        self, kind: str, offset: int, raw: RawMessage, reading: Reading, reason_place: tuple[str, str]
    ) -> None:
        named = (reading.feed, reading.message_type, reading.message_id)
        self.quarantined.append(Quarantined(kind, raw.received_at_ms, *reason_place, *named, offset, raw))


def _concerned(reading: Reading) -> set[Identifier]:
    """Give the patients that an issue of a message may be about: where it names several, any of them."""
    return {*reading.patients[:1], *(fact.patient for fact in reading.facts)}


def _touched(reading: Reading) -> set[Identifier]:
    """Give the patients whose answer this message can change; of two that it joins, one: the other comes with him."""
    touched = {fact.patient for fact in reading.facts}
    for link in reading.links:
        touched.update((link.first, link.second) if link.kind == UNLINK else (link.first,))
    return touched


class Ingest:
    """Consume one part of the journal."""

    def __init__(
        self,
        store: IngestStore,
        read: Callable[[RawMessage], Reading],
        part: str = JOURNAL,
        dead_letters: DeadLetters | None = None,
    ) -> None:
        """Keep the store, how a message is read, the part whose position is ours, and who else gets dead letters."""
        self._store = store
        self._read = read
        self._part = part
        self._dead_letters = dead_letters
        self.position = store.position(part)
        self.lateness = Lateness(self.position.at_ms)

    def resume(self) -> Position:
        """Ask the store again how far this part is consumed: after a failure, or when somebody else moved it."""
        self.position = self._store.position(self._part)
        return self.position

    def skip(self, next_: int) -> None:
        """Move the position over offsets that hold no message: compacted away, or marks of transactions."""
        reached = replace(self.position, next=next_)
        if self._store.record(Batch(self._part, self.position.next, next_, reached.at_ms)):
            self.position = reached
        else:
            self.resume()

    def take(self, entries: Sequence[Entry]) -> int:
        """Ingest messages that begin at the position, and move it past them; give how many were taken.

        Shape: fewer than given where somebody else moved the position. A message that cannot be written is found by halving,
        and dead-lettered.
        Raises: TemporaryError where nothing of the rest was written and a retry can help.
        """
        if not entries:
            return 0
        try:
            return self._write(entries, [self._reading(raw) for _, raw in entries])
        except LpwatchError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one message does to the store, the others must pass
            if len(entries) == 1:
                _log.error("message_not_storable", error=type(error).__name__)
                return self._write(entries, [_failed(error)])
        half = len(entries) // 2
        taken = self.take(entries[:half])
        return taken + self.take(entries[half:]) if taken == half else taken

    def draft(self, entries: Sequence[Entry]) -> Batch:
        """Read messages that begin at the position, and give what is to be written of them; then it is `written`."""
        return self._batch(entries, [self._reading(raw) for _, raw in entries])

    def written(self, batch: Batch) -> None:
        """Take note that this batch was written."""
        self.position = replace(self.position, next=batch.next, at_ms=batch.at_ms)
        self.lateness.note(batch.clocks)

    def _write(self, entries: Sequence[Entry], readings: Sequence[Reading]) -> int:
        batch = self._batch(entries, readings)
        if not self._store.record(batch):
            self.resume()
            return 0
        self.written(batch)
        return len(entries)

    def _batch(self, entries: Sequence[Entry], readings: Sequence[Reading]) -> Batch:
        draft = _Draft()
        for (offset, raw), reading in zip(entries, readings, strict=True):
            draft.add(offset, raw, reading)
        last_offset, last = entries[-1]
        return Batch(
            self._part,
            self.position.next,
            last_offset + 1,
            max(self.position.at_ms, last.received_at_ms),
            draft.facts,
            draft.links,
            draft.due,
            draft.quarantined,
            draft.counts,
            draft.feeds,
            self._dead_letters.outgoing(self._part, draft.quarantined) if self._dead_letters else (),
            [(key[0], item) for key, item in draft.unused.items()],
            draft.clocks,
            draft.claims,
        )

    def _reading(self, raw: RawMessage) -> Reading:
        try:
            return self._read(raw)
        except Exception as error:  # noqa: BLE001 - whatever a message makes us raise, it ends as a dead letter
            _log.error("message_not_readable", error=type(error).__name__)
            return _failed(error)


def _failed(error: Exception) -> Reading:
    """Account for a message that we failed on; the class of the error says what, and nothing of the patient."""
    return Reading(Outcome(OutcomeKind.DEAD_LETTERED, f"internal error {type(error).__name__}"))
