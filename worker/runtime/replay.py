"""Run recorded messages through the engine at the times they tell, and report what came of them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol, TypedDict

from worker.alerts.documents import ReplayLine
from worker.alerts.render import replay_line
from worker.model.message import IssueKind, OutcomeKind, RawMessage
from worker.model.time import EpochMs
from worker.runtime.cleaning import Retention
from worker.runtime.clock import MessageClock, Stopwatch
from worker.runtime.engine import Engine, Options, Program, StateStore
from worker.runtime.found import Comparison, FindingProgram, compare
from worker.runtime.inlet import JournalInlet, Room
from worker.runtime.journal import Entry
from worker.storage.records import AlertRecord, CountKey, Quarantined

_UNMAPPED = frozenset({IssueKind.UNMAPPED_CODE, IssueKind.UNMAPPED_UNIT, IssueKind.UNMAPPED_ANSWER})
_BATCH = 2_000
_USUAL = Retention()
_EVER = 100 * 365
KEPT_FOR_EVER = Retention(_EVER, _EVER, _EVER, _EVER)
"""For feeds whose messages do not come in their order: how long ago one was received says nothing of what it tells."""


class ReplayStore(StateStore, Protocol):
    """A state that can also be read, and left."""

    def alerts(self) -> Sequence[AlertRecord]:
        """Read every alert with all identifiers of its patient and its history, oldest first."""

    def episodes(self) -> tuple[int, int]:
        """Count the LPs that stand, and how many of them are presumed."""

    def counts(self) -> dict[CountKey, int]:
        """Sum the counts."""

    def failed(self) -> dict[str, int]:
        """Count the patients whose assessment failed at some time, by reason."""

    def quarantined(self, limit: int = ...) -> Sequence[Quarantined]:
        """Read what was set aside, oldest first."""

    def close(self) -> None:
        """Make everything durable and let go of the store."""


class MessageCounts(TypedDict):
    """How messages ended."""

    received: int
    processed: int
    ignored: int
    dead_lettered: int


class EpisodeCounts(TypedDict):
    """The LPs that stand."""

    n: int
    presumed: int


class AlertCounts(TypedDict):
    """Alerts ever raised, at their final severity."""

    by_rule: dict[str, int]
    by_severity: dict[str, int]


class IssueCount(TypedDict):
    """Something in messages that could not be used: what kind, from which feed, and about what.

    Shape: `subject` is from the code side only: a code, or a concept and what was wrong; never a value or an identifier.
    """

    kind: str
    feed: str
    subject: str
    n: int


class Summary(TypedDict):
    """What `replay --json` prints.

    Shape: `unmapped` are codes, units and answers that the pack does not know; `set_aside` everything else that was in
    processed messages and is not judged: a missing unit, an implausible value, an unreadable time.
    """

    messages: MessageCounts
    ignored: dict[str, int]
    episodes: EpisodeCounts
    alerts: AlertCounts
    unmapped: list[IssueCount]
    set_aside: list[IssueCount]
    seconds: float


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay found.

    Shape: `alerts` each in its final state, oldest first; `dead_lettered` messages by reason, `failed` the patients
    whose assessment failed at some time, by reason, each once however often it was tried;
    `quarantined` what was set aside, with the bytes.
    """

    summary: Summary
    alerts: tuple[ReplayLine, ...]
    dead_lettered: dict[str, int]
    failed: dict[str, int]
    quarantined: tuple[Quarantined, ...]


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How a replay departs from the recording; findings must not depend on it.

    Shape: `shuffle_seed` shuffles all messages; `duplicate_p` repeats a message with this chance, somewhere later;
    `restart_n` times the store is closed and opened again on the way; `batch_size` messages are ingested at once, whatever
    their instants (None: messages of one instant).
    """

    shuffle_seed: int | None = None
    duplicate_p: float = 0.0
    restart_n: int = 0
    batch_size: int | None = None


UNDISTURBED = Disturbance()


def replay(
    messages: Iterable[RawMessage],
    program: Program,
    open_store: Callable[[], ReplayStore],
    *,
    until_ms: EpochMs | None = None,
    disturbance: Disturbance = UNDISTURBED,
    retention: Retention = _USUAL,
    on_progress: Callable[[int], None] | None = None,
) -> ReplayReport:
    """Run messages through the engine, and close the store.

    Shape: `open_store` is called once, and once more after each restart; it opens the same store. The receipt time of a
    message is max(previous, MSH-7 | `meta.lastUpdated`); timers due by `until_ms`, or else by the last receipt, fire.
    """
    watch = Stopwatch()
    arriving = disturbed(messages, disturbance)
    journal = _Recording(arriving)
    stops = _stops(len(arriving), disturbance.restart_n) if isinstance(arriving, list) else []
    # A recording is whole in memory: its batches are bounded by number alone.
    room = Room(disturbance.batch_size or _BATCH, sys.maxsize)
    options = Options(room, is_exact=disturbance.batch_size is None, retention=retention)
    store = open_store()
    try:
        for stop in [*stops, None]:
            journal.limit(stop)
            engine = Engine([JournalInlet(journal)], store, program, MessageClock(), options=options)
            _drain(engine, on_progress)
            if stop is not None:
                store.close()
                store = open_store()
            elif until_ms is not None:
                engine.advance(until_ms)
        return _report(store, watch)
    finally:
        store.close()


def replay_twice(
    messages: Sequence[RawMessage],
    new_program: Callable[[], FindingProgram],
    open_stores: tuple[Callable[[], ReplayStore], Callable[[], ReplayStore]],
    disturbance: Disturbance,
    *,
    until_ms: EpochMs | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[ReplayReport, Comparison]:
    """Run messages as recorded, then disturbed; report of the latter, and compare what was found.

    Shape: `open_stores` opens the store of the first run and that of the second. Nothing is forgotten by its age.
    """
    recorded, otherwise = new_program(), new_program()
    reports = [
        replay(
            messages,
            program,
            open_store,
            until_ms=until_ms,
            disturbance=how,
            retention=KEPT_FOR_EVER,
            on_progress=on_progress,
        )
        for program, open_store, how in (
            (recorded, open_stores[0], UNDISTURBED),
            (otherwise, open_stores[1], disturbance),
        )
    ]
    return reports[1], compare(recorded, otherwise)


def disturbed(messages: Iterable[RawMessage], disturbance: Disturbance) -> Iterable[RawMessage]:
    """Shuffle and repeat messages as told; without either (and without restarts) they are passed on one by one."""
    if disturbance == replace(UNDISTURBED, batch_size=disturbance.batch_size):
        return messages
    random = Random(disturbance.shuffle_seed or 0)  # noqa: S311 - a seed must give the same order again
    placed = [(float(place), message) for place, message in enumerate(messages)]
    end = float(len(placed))
    placed += [
        (random.uniform(at, end), message)
        for at, message in placed
        if random.random() < disturbance.duplicate_p
    ]
    if disturbance.shuffle_seed is None:
        placed.sort(key=lambda item: item[0])
    else:
        random.shuffle(placed)
    return [message for _, message in placed]


class _Recording:
    """A journal that reads its messages from an iterable as they are asked for, and keeps the last ones only."""

    def __init__(self, messages: Iterable[RawMessage]) -> None:
        self._messages = enumerate(messages)
        self._window: list[Entry] = []
        self._limit: int | None = None

    def limit(self, end: int | None) -> None:
        """Hide messages from this offset on, as if they had not come yet."""
        self._limit = end

    def read(self, first: int, limit: int, max_size: int) -> Sequence[Entry]:  # noqa: ARG002 - all is in memory
        """Read messages from an offset on; those below it are let go."""
        self._window = [entry for entry in self._window if entry[0] >= first]
        while len(self._window) < limit and (entry := next(self._messages, None)) is not None:
            self._window.append(entry)
        end = self._limit
        return [entry for entry in self._window[:limit] if end is None or entry[0] < end]

    def append(self, messages: Sequence[RawMessage]) -> None:
        """Refuse: a recording is complete."""
        raise NotImplementedError

    def trim(self, before: int, received_before_ms: EpochMs) -> None:
        """Do nothing: reading lets go of what was read."""


def _stops(count: int, restart_n: int) -> list[int]:
    return [count * index // (restart_n + 1) for index in range(1, restart_n + 1)]


def _drain(engine: Engine, on_progress: Callable[[int], None] | None) -> None:
    while not (step := engine.step()).is_idle:
        if on_progress is not None:
            on_progress(step.ingested)


def _report(store: ReplayStore, watch: Stopwatch) -> ReplayReport:
    counts, records = store.counts(), store.alerts()
    ends = {kind: _by_reason(counts, kind.value) for kind in OutcomeKind}
    totals = {kind: sum(reasons.values()) for kind, reasons in ends.items()}
    n, presumed = store.episodes()
    summary = Summary(
        messages=MessageCounts(
            received=sum(totals.values()),
            processed=totals[OutcomeKind.PROCESSED],
            ignored=totals[OutcomeKind.IGNORED],
            dead_lettered=totals[OutcomeKind.DEAD_LETTERED],
        ),
        ignored=ends[OutcomeKind.IGNORED],
        episodes=EpisodeCounts(n=n, presumed=presumed),
        alerts=AlertCounts(
            by_rule=_sorted(Counter(record.alert.rule for record in records)),
            by_severity=_sorted(Counter(record.alert.severity.name.lower() for record in records)),
        ),
        unmapped=_issues(counts, _UNMAPPED),
        set_aside=_issues(counts, frozenset(IssueKind) - _UNMAPPED),
        seconds=round(watch.seconds, 3),
    )
    lines = tuple(replay_line(record.alert, record.patients, record.history) for record in records)
    return ReplayReport(
        summary,
        lines,
        ends[OutcomeKind.DEAD_LETTERED],
        _sorted(Counter(store.failed())),
        tuple(store.quarantined()),
    )


def _by_reason(counts: dict[CountKey, int], stage: str) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    for key, count in counts.items():
        if key.stage == stage:
            reasons[key.reason] += count
    return _sorted(reasons)


def _issues(counts: dict[CountKey, int], kinds: frozenset[IssueKind]) -> list[IssueCount]:
    found = [
        IssueCount(kind=key.reason, feed=key.feed, subject=key.subject, n=count)
        for key, count in counts.items()
        if key.stage == "issue" and key.reason in kinds
    ]
    return sorted(found, key=lambda item: (-item["n"], item["kind"], item["feed"], item["subject"]))


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))
