"""Count what passes through the stores, without them or the engine knowing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from worker.mapping.feeds import Feed
from worker.model.message import OutcomeKind, RawMessage
from worker.model.time import SECOND_MS, EpochMs
from worker.rules.blind import Blindness
from worker.runtime.clock import Stopwatch
from worker.runtime.engine import StateStore
from worker.runtime.journal import Entry, Journal
from worker.runtime.metrics import Metrics
from worker.sources.group_commit import Intake
from worker.storage.records import Assessed, Batch, Case, NoticeKey, PendingNotice, Position, Verdict

_OUTCOMES = frozenset(kind.value for kind in OutcomeKind)
_GAUGE_EVERY_S = 1.0
_BLIND_EVERY_S = 60.0
# Whoever is told to stay away sends nothing by which the storage could show that it works again.
_FAILING_S = 60.0


def nobody() -> None:
    """Wake nobody: whoever waits is elsewhere, or looks by himself."""


class MeteredIntake:
    """The journal as the receiving side writes it: count what was stored, and wake who reads it."""

    def __init__(self, journal: Intake, metrics: Metrics, wake: Callable[[], None]) -> None:
        """Keep the journal and whom to wake."""
        self._journal = journal
        self._metrics = metrics
        self._wake = wake
        self._failed: Stopwatch | None = None

    @property
    def is_failing(self) -> bool:
        """Tell whether the last messages could not be stored; after a minute without any, the next may try."""
        failed = self._failed
        return failed is not None and failed.seconds < _FAILING_S

    def append(self, messages: Sequence[RawMessage]) -> None:
        """Store messages durably, all or none."""
        try:
            self._journal.append(messages)
        except BaseException:
            self._failed = Stopwatch()
            raise
        self._failed = None
        for transport in {message.transport for message in messages}:
            count = sum(message.transport == transport for message in messages)
            self._metrics.received.labels(transport).inc(count)
        self._wake()


class MeteredJournal:
    """The journal as the engine reads it: tell how many messages wait."""

    def __init__(self, journal: Journal, end: Callable[[], int], metrics: Metrics) -> None:
        """Keep the journal; `end` gives the offset after its last message."""
        self._journal = journal
        self._end = end
        self._metrics = metrics
        self._watch: Stopwatch | None = None

    def append(self, messages: Sequence[RawMessage]) -> None:
        """Store messages durably, all or none."""
        self._journal.append(messages)

    def read(self, first: int, limit: int, max_size: int) -> Sequence[Entry]:
        """Read messages from an offset on."""
        entries = self._journal.read(first, limit, max_size)
        if not entries:
            self._metrics.journal_lag.set(0)
        elif self._watch is None or self._watch.seconds > _GAUGE_EVERY_S:
            self._watch = Stopwatch()
            self._metrics.journal_lag.set(self._end() - entries[0][0])
        return entries

    def trim(self, before: int, received_before_ms: EpochMs) -> None:
        """Drop old messages."""
        self._journal.trim(before, received_before_ms)


def tell_feeds(heard: Mapping[str, EpochMs], feeds: Iterable[Feed], metrics: Metrics) -> None:
    """Tell when each feed was last heard, and how long its silence is ordinary.

    One that fell silent before the start must not be forgotten by it.
    """
    for feed, at_ms in heard.items():
        metrics.feed_last_received.labels(feed).set(at_ms / SECOND_MS)
    for known in feeds:
        if known.quiet_after_ms:
            metrics.feed_quiet_after.labels(known.id).set(known.quiet_after_ms / SECOND_MS)


class MeteredState:
    """The state as the engine uses it: count each unit of work once it is written.

    Shape: `last_step` runs since something was written or looked through, `last_try` since the engine last asked for anything:
    an engine that still asks is not stuck, whatever the answer.
    """

    def __init__(
        self,
        state: StateStore,
        count_due: Callable[[EpochMs], int],
        count_waiting: Callable[[str], int],
        metrics: Metrics,
        wake: Callable[[], None] = nobody,
        count_blind: Callable[[EpochMs], Mapping[str, int]] | None = None,
    ) -> None:
        """Keep the state, and whom to wake when notices were written.

        Shape: `count_due` counts assessments due at an instant, `count_waiting` a sink's undelivered notices, `count_blind`
        the LPs for which rules are blind at an instant, by kind.
        """
        self._count_blind = count_blind
        self._blind_watch: Stopwatch | None = None
        self._state = state
        self._wake = wake
        self._count_due = count_due
        self._count_waiting = count_waiting
        self._outbox_watches: dict[str, Stopwatch] = {}
        self._metrics = metrics
        self._watch: Stopwatch | None = None
        self.last_step = Stopwatch()
        self.last_try = Stopwatch()

    def position(self, part: str) -> Position:
        """Tell how far this part of the journal is consumed."""
        self.last_try = Stopwatch()
        return self._state.position(part)

    def positions(self) -> dict[str, Position]:
        """Tell how far every part is consumed."""
        self.last_try = Stopwatch()
        return self._state.positions()

    def feeds(self) -> Mapping[str, EpochMs]:
        """Tell when each feed was last heard of."""
        return self._state.feeds()

    def latest_ms(self) -> EpochMs:
        """Give the latest receipt time that was ingested."""
        self.last_try = Stopwatch()
        return self._state.latest_ms()

    def begin_position(self, part: str, next_: int) -> None:
        """Begin with a part that nobody ever consumed."""
        self.last_try = Stopwatch()
        self._state.begin_position(part, next_)

    def has_begun(self, source: str) -> bool:
        """Tell whether somebody began with a source."""
        self.last_try = Stopwatch()
        return self._state.has_begun(source)

    def begin_all(self, source: str, parts: Mapping[str, int]) -> bool:
        """Begin with all parts of a source."""
        self.last_try = Stopwatch()
        return self._state.begin_all(source, parts)

    def note_log(self, part: str, log: str) -> None:
        """Note in which log a position counts."""
        self.last_try = Stopwatch()
        self._state.note_log(part, log)

    def note_caught_up(self, parts: Mapping[str, EpochMs]) -> None:
        """Note that parts were consumed to their end."""
        self.last_try = Stopwatch()
        self._state.note_caught_up(parts)

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or renew a lease: an answer, whatever it says, shows that engine and store work."""
        self.last_try = Stopwatch()
        is_held = self._state.lease(name, owner, seconds)
        self.last_step = Stopwatch()
        return is_held

    def record(self, batch: Batch) -> bool:
        """Write an ingest batch."""
        return self._record((batch,), lambda: self._state.record(batch))

    def record_all(self, batches: Sequence[Batch]) -> bool:
        """Write ingest batches of different parts."""
        return self._record(batches, lambda: self._state.record_all(batches))

    def _record(self, batches: Sequence[Batch], write: Callable[[], bool]) -> bool:
        self.last_try = Stopwatch()
        is_written = write()
        if is_written:
            for batch in batches:
                self._count_batch(batch)
            if any(batch.outgoing for batch in batches):
                self._wake()
            self.last_step = Stopwatch()
        return is_written

    def next_due_ms(self) -> EpochMs | None:
        """Tell when the next assessment is due."""
        self.last_try = Stopwatch()
        next_due_ms = self._state.next_due_ms()
        self.last_step = Stopwatch()
        return next_due_ms

    def assess(
        self,
        as_of_ms: EpochMs,
        opening: Iterable[str],
        decide: Callable[[Case], Verdict],
        *,
        limit: int = 200,
    ) -> Assessed:
        """Let `decide` judge who is due."""
        self.last_try = Stopwatch()
        verdicts: list[Verdict] = []

        def remember(case: Case) -> Verdict:
            verdict = decide(case)
            verdicts.append(verdict)
            return verdict

        done = self._state.assess(as_of_ms, opening, remember, limit=limit)
        self._metrics.failed_assessments.inc(done.failed)
        self._count_changes([verdict for verdict in verdicts if not _is_in(verdict, done.unwritten)])
        if any(verdict.notices for verdict in verdicts):
            self._wake()
        self._tell_backlog(as_of_ms)
        self._tell_blind_spots(as_of_ms)
        self.last_step = Stopwatch()
        return done

    def pending(self, sink: str, now_ms: EpochMs, limit: int) -> Sequence[PendingNotice]:
        """Read notices that may be sent now."""
        watch = self._outbox_watches.get(sink)
        if watch is None or watch.seconds > _GAUGE_EVERY_S:
            self._outbox_watches[sink] = Stopwatch()
            self._metrics.outbox_waiting.labels(sink).set(self._count_waiting(sink))
        return self._state.pending(sink, now_ms, limit)

    def mark_sent(
        self, sink: str, keys: Collection[NoticeKey], offsets: Mapping[tuple[str, int], int] | None = None
    ) -> None:
        """Note that the sink has these notices."""
        self._state.mark_sent(sink, keys, offsets)
        self._metrics.notices.labels(sink).inc(len(keys))

    def postpone(self, sink: str, keys: Collection[NoticeKey], until_ms: EpochMs) -> None:
        """Note that the sink could not take these notices."""
        self._state.postpone(sink, keys, until_ms)
        self._metrics.notices_postponed.labels(sink).inc(len(keys))

    def commit(self) -> None:
        """Make everything durable now."""
        self._state.commit()

    def use_pack(self, digest: str, now_ms: EpochMs) -> bool:
        """Remember the pack in use."""
        return self._state.use_pack(digest, now_ms)

    def drop_recent(
        self, received_before_ms: EpochMs, long_concepts: Iterable[str], long_before_ms: EpochMs
    ) -> None:
        """Drop old facts of patients without an LP."""
        self._state.drop_recent(received_before_ms, long_concepts, long_before_ms)

    def drop_sent(self, before_ms: EpochMs, dead_letters_before_ms: EpochMs) -> None:
        """Drop notices that were sent long ago."""
        self._state.drop_sent(before_ms, dead_letters_before_ms)

    def drop_over(self, anchored_before_ms: EpochMs) -> None:
        """Let go of patients whose last LP is long ago."""
        self._state.drop_over(anchored_before_ms)

    def _count_batch(self, batch: Batch) -> None:
        metrics = self._metrics
        for key, count in batch.counts.items():
            if key.stage in _OUTCOMES:
                metrics.count_outcome(key.feed, key.stage, key.reason, count)
            elif key.stage == "issue":
                metrics.issues.labels(key.feed, key.reason).inc(count)
        for feed, count in Counter([fact.source.feed for fact in batch.facts]).items():
            metrics.facts.labels(feed).inc(count)
        for feed, clock in batch.clocks.items():
            metrics.feed_ahead.labels(feed).set(clock.ahead_ms / SECOND_MS)
        for feed, at_ms in batch.feeds.items():
            metrics.feed_last_received.labels(feed).set(at_ms / SECOND_MS)

    def _count_changes(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            for item in verdict.unused:
                self._metrics.issues.labels(item.feed, item.kind.value).inc()
            for change in verdict.changes:
                if change.is_visible:
                    alert = change.alert
                    labels = (alert.rule, alert.state.value, alert.severity.name.lower())
                    self._metrics.alerts.labels(*labels).inc()

    def _tell_backlog(self, as_of_ms: EpochMs) -> None:
        if self._watch is None or self._watch.seconds > _GAUGE_EVERY_S:
            self._watch = Stopwatch()
            self._metrics.due_backlog.set(self._count_due(as_of_ms))

    def _tell_blind_spots(self, as_of_ms: EpochMs) -> None:
        """Count who is blind, from the spans that assessments wrote: also while nothing comes, which is what blinds."""
        if self._count_blind is None:
            return
        if self._blind_watch is None or self._blind_watch.seconds > _BLIND_EVERY_S:
            self._blind_watch = Stopwatch()
            counts = self._count_blind(as_of_ms)
            for kind in Blindness:
                self._metrics.blind_spots.labels(kind.value).set(counts.get(kind.value, 0))


def _is_in(verdict: Verdict, others: Iterable[Verdict]) -> bool:
    """Tell whether this very verdict is among others: an equal one may be another patient's."""
    return any(verdict is other for other in others)
