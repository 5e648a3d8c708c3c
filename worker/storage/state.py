"""What is known, in one SQL database: the units of work of ingest and assessment, and their small companions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa

from worker.model.alert import HistoryLine
from worker.model.fact import Claim, Fact, Identifier
from worker.model.message import RawMessage
from worker.model.time import EpochMs
from worker.storage import blind, claims, leases, ledger, locks, outbox, positions, reports
from worker.storage import episodes as lps
from worker.storage.assessing import PACK, Assessing
from worker.storage.database import Database
from worker.storage.dialect import (
    Synchronous,
    commit_lazily,
    has_many_writers,
    open_database,
    upsert,
)
from worker.storage.facts import Facts
from worker.storage.identities import Identities
from worker.storage.locks import Chore
from worker.storage.records import (
    AlertRecord,
    Assessed,
    Batch,
    Case,
    CountKey,
    NoticeKey,
    PendingNotice,
    Position,
    Quarantined,
    Verdict,
)
from worker.storage.schema import due, episode, identifier, meta
from worker.storage.unused import UnusedLog

_WATCHED_AT_ONCE = 20
_NEXT_DUE = sa.select(sa.func.min(due.c.at_ms))


class SqlState:
    """Keep the state in a SQL database; used by one thread."""

    def __init__(self, url: str, *, synchronous: Synchronous = "FULL", commit_every: int = 1) -> None:
        """Open a migrated database; `Database` says what `commit_every` means."""
        engine = open_database(url, synchronous=synchronous)
        self._has_many_writers = has_many_writers(engine)
        self._db = Database(engine, commit_every=commit_every)
        self._db.on_undo = self._forget
        self._identities = Identities()
        self._facts = Facts(self._identities)
        self._unused = UnusedLog(self._identities)
        self._assessing = Assessing(self._identities, self._facts, self._unused)
        self._pack = ""

    def close(self) -> None:
        """Make everything durable and let go of the database."""
        self._db.close()

    def commit(self) -> None:
        """Make everything durable now."""
        self._db.commit()

    # Ingest

    def position(self, part: str) -> Position:
        """Tell how far this part of the journal is consumed."""
        with self._db.reading() as conn:
            return positions.read(conn, part)

    def positions(self) -> dict[str, Position]:
        """Tell how far every part is consumed."""
        with self._db.reading() as conn:
            return positions.read_all(conn)

    def latest_ms(self) -> EpochMs:
        """Give the receipt time of the last message consumed of any part, 0 for none."""
        with self._db.reading() as conn:
            return positions.latest_ms(conn)

    def note_caught_up(self, parts: Mapping[str, EpochMs]) -> None:
        """Note when nothing of these parts was left to read; the instant of a part never falls."""
        with self._db.unit() as conn:
            positions.note_caught_up(conn, parts)

    def begin_position(self, part: str, next_: int) -> None:
        """Set the position of a part that nobody ever consumed; one that somebody did stays where it is."""
        with self._db.unit() as conn:
            positions.begin(conn, part, next_)

    def has_begun(self, source: str) -> bool:
        """Tell whether somebody began with the parts of a source, named `{source}:…`."""
        with self._db.reading() as conn:
            return positions.has_begun(conn, source)

    def begin_all(self, source: str, parts: Mapping[str, int]) -> bool:
        """Set the positions of all parts of a source at once; False, and nothing written, where somebody began with it."""
        with self._db.unit() as conn:
            return positions.begin_all(conn, source, parts)

    def note_log(self, part: str, log: str) -> None:
        """Note in which log the position of a part counts, where nobody did."""
        with self._db.unit() as conn:
            positions.note_log(conn, part, log)

    def move_position(self, part: str, next_: int, log: str = "") -> None:
        """Set the position of a part, whatever it is, in a log (unnamed: in the one met next): for operators."""
        with self._db.unit() as conn:
            positions.move(conn, part, next_, log)

    def record(self, batch: Batch) -> bool:
        """Write one ingest batch; False, and nothing written, where somebody else has moved the position."""
        return self.record_all((batch,))

    def record_all(self, batches: Sequence[Batch]) -> bool:
        """Write batches of different parts; False, and nothing written, where somebody else has moved one of the positions.

        The order: (1) each position moves from `first` to `next`, or all ends here; (2) numbers of identifiers and concepts;
        (3) claims; (4) facts and links; (5) due rows; (6) what was set aside, and dead letters for sinks; (7) counts. One
        commit makes all of it true. Where others write at the same time, (2) and (3) have transactions of their own before all
        this, as have the tables of new days: nobody waits for the numbers that a long batch gives, and of two who claim one
        resource at the same time at least one sees both. (1) goes in the order of the parts' names, so that two who write of
        the same parts never wait in a ring.
        """
        batches = sorted(batches, key=_part)
        facts = [fact for batch in batches for fact in batch.facts]
        identifiers = [who for batch in batches for who in _identifiers(batch)]
        claimed = [claim for batch in batches for claim in batch.claims]
        self._make_ready(facts, identifiers, claimed)
        try:
            with self._db.unit() as conn:
                _advance(conn, batches)
                numbers = self._identities.number(conn, identifiers)
                due_rows = [(numbers[who.key], at_ms) for who, at_ms in _due(batches).items()]
                if claimed:
                    if not self._has_many_writers:
                        claims.write(conn, claimed, numbers)
                    due_rows += claims.mark(conn, claimed)
                self._facts.append(conn, facts)
                self._unused.append(conn, [item for batch in batches for item in batch.unused])
                self._identities.link(conn, {batch.part: batch.links for batch in batches})
                ledger.add_due(conn, due_rows)
                for batch in batches:
                    ledger.set_aside(conn, batch.part, batch.quarantined)
                    outbox.write_notices(conn, batch.outgoing, batch.at_ms)
                ledger.count(conn, _total(batches))
                ledger.note_feeds(conn, {batch.part: batch.feeds for batch in batches})
        except _MovedError:
            return False
        return True

    def _make_ready(
        self, facts: Sequence[Fact], identifiers: Collection[Identifier], claimed: Sequence[Claim]
    ) -> None:
        if not self._has_many_writers:
            return
        is_ready = self._facts.is_ready_for(facts)
        while not is_ready or not self._identities.has_numbers(identifiers):
            with self._db.unit() as conn:
                commit_lazily(conn)
                is_ready = self._facts.make_ready_for(conn, facts)
                self._identities.number(conn, identifiers)
        if claimed:
            with self._db.unit() as conn:
                commit_lazily(conn)
                claims.write(conn, claimed, self._identities.number(conn, identifiers))

    # Assessment

    def next_due_ms(self) -> EpochMs | None:
        """Tell when the next assessment is due."""
        with self._db.reading() as conn:
            earliest: EpochMs | None = conn.scalar(_NEXT_DUE)
        return earliest

    def assess(
        self,
        as_of_ms: EpochMs,
        opening: Iterable[str],
        decide: Callable[[Case], Verdict],
        *,
        limit: int = 200,
    ) -> Assessed:
        """Let `decide` judge patients that are due, and write what it decides; all in one transaction.

        Shape: takes up to `limit` due rows; patients without a fact of an `opening` concept and without a stored LP are
        done without a verdict; nothing is taken where another pack was put into use since `use_pack`.
        Raises: TemporaryError where somebody else wrote in between; nothing was written, the due rows stand.
        """
        with self._db.unit() as conn:
            return self._assessing.run(conn, as_of_ms, opening, decide, limit, self._pack)

    def count_due(self, now_ms: EpochMs) -> int:
        """Count the assessments that are due now."""
        with self._db.reading() as conn:
            return conn.scalar(sa.select(sa.func.count()).where(due.c.at_ms <= now_ms)) or 0

    # Delivery

    def pending(
        self, sink: str, now_ms: EpochMs, limit: int, *, without: Collection[str] = ()
    ) -> tuple[PendingNotice, ...]:
        """Read notices that may be sent now, an alert's in the order of its versions; none for targets `without`."""
        with self._db.reading() as conn:
            return outbox.pending(conn, sink, now_ms, limit, without)

    def mark_sent(
        self, sink: str, keys: Collection[NoticeKey], offsets: Mapping[tuple[str, int], int] | None = None
    ) -> None:
        """Note that the sink has these notices, and up to where (topic, partition) hold nothing else of ours."""
        with self._db.unit() as conn:
            outbox.mark_sent(conn, sink, keys)
            outbox.note_offsets(conn, sink, offsets or {})

    def postpone(self, sink: str, keys: Collection[NoticeKey], until_ms: EpochMs) -> None:
        """Note that a sink could not take these notices, and when to try again."""
        with self._db.unit() as conn:
            outbox.postpone(conn, sink, keys, until_ms)

    def refuse(self, sink: str, keys: Collection[NoticeKey], reasons: Collection[Quarantined]) -> None:
        """Note that the sink will never take these notices as they are: they wait no longer, and are set aside."""
        with self._db.unit() as conn:
            outbox.mark_sent(conn, sink, keys)
            ledger.set_aside(conn, "", reasons)

    def exchange(self, sink: str, smaller: PendingNotice, reason: Quarantined) -> None:
        """Put a smaller form in the place of a notice that the sink will never take, and set that aside.

        Shape: one that has gone meanwhile stays as it went, and nothing is set aside.
        """
        with self._db.unit() as conn:
            if outbox.exchange(conn, sink, smaller):
                ledger.set_aside(conn, "", [reason])

    def sent_offsets(self, sink: str) -> dict[tuple[str, int], int]:
        """Read up to where in each (topic, partition) everything of this sink is marked."""
        with self._db.reading() as conn:
            return outbox.sent_offsets(conn, sink)

    def note_offsets(self, sink: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Remember next offsets; the last word counts, also where a topic was made anew and begins at 0."""
        with self._db.unit() as conn:
            outbox.note_offsets(conn, sink, offsets)

    def lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take a lease that is free or over, or renew one's own, by the database's clock; False where another has it.

        Raises: TemporaryError where the database is away, busy or full: the lease is not taken, and may be renewed later.
        """
        with self._db.unit() as conn:
            is_mine = leases.take(conn, name, owner, seconds)
        self._db.commit()
        return is_mine

    def release(self, name: str, owner: str) -> None:
        """Give up a lease; somebody else's stays."""
        with self._db.unit() as conn:
            leases.give_back(conn, name, owner)
        self._db.commit()

    def count_waiting(self, sink: str) -> int:
        """Count the notices that a sink does not have yet."""
        with self._db.reading() as conn:
            return outbox.count_waiting(conn, sink)

    def oldest_waiting_ms(self, sink: str) -> EpochMs | None:
        """Tell since when the oldest notice waits that a sink does not have yet."""
        with self._db.reading() as conn:
            return outbox.oldest_waiting_ms(conn, sink)

    def next_try_ms(self) -> EpochMs | None:
        """Tell when the next notice may be sent."""
        with self._db.reading() as conn:
            return outbox.next_try_ms(conn)

    # Reading

    def case(self, patient: int, at_ms: EpochMs | None = None) -> Case:
        """Read the patient with this number and everybody joined with him, as an assessment would.

        Shape: with `at_ms` everybody who was joined with him then, and what was not another's then; LPs and alerts are those
        of now.
        """
        with self._db.reading() as conn:
            (opened,) = self._assessing.cases(conn, self._identities.groups(conn, [patient], at_ms), at_ms)
            return opened.case

    def lps_over(self, value: str) -> tuple[EpochMs, ...]:
        """Give the instants of LPs, filed under an identifier with this value, whose facts were let go of."""
        with self._db.reading() as conn:
            return lps.over_of(conn, value)

    def find(self, value: str) -> tuple[int, ...]:
        """Find patients by an identifier's value, whatever its authority."""
        with self._db.reading() as conn:
            return tuple(conn.scalars(sa.select(identifier.c.id).where(identifier.c.value == value)))

    def watched(self, anchored_from_ms: EpochMs) -> Iterator[Case]:
        """Read everybody whose LP stands and was at this instant or later, few at a time, each once."""
        last, seen = 0, set[int]()
        while True:
            with self._db.reading() as conn:
                patients = lps.patients_watched(conn, anchored_from_ms, last, _WATCHED_AT_ONCE)
                if not patients:
                    return
                last = patients[-1]
                groups = [
                    group for group in self._identities.groups(conn, patients) if seen.isdisjoint(group[:1])
                ]
                seen.update(group[0] for group in groups)
                cases = [opened.case for opened in self._assessing.cases(conn, groups)]
            yield from cases

    def newest_lp_ms(self) -> EpochMs | None:
        """Give the instant of the newest LP that stands and is not over, None where there is none."""
        with self._db.reading() as conn:
            return lps.newest_ms(conn)

    def count_blind(self, now_ms: EpochMs) -> dict[str, int]:
        """Count the LPs that are blind at an instant, by kind, as they were judged last."""
        with self._db.reading() as conn:
            return blind.count(conn, now_ms)

    def alerts(self) -> tuple[AlertRecord, ...]:
        """Read every alert with all identifiers of its patient and its history, oldest first."""
        with self._db.reading() as conn:
            return reports.alert_records(conn, self._identities)

    def histories(self, alerts: Collection[str]) -> dict[str, tuple[HistoryLine, ...]]:
        """Read the histories of these alerts by their ids, oldest line first."""
        with self._db.reading() as conn:
            return reports.histories_of(conn, alerts)

    def episodes(self) -> tuple[int, int]:
        """Count the LPs that stand, and how many of them are presumed."""
        with self._db.reading() as conn:
            return reports.count_episodes(conn)

    def counts(self) -> dict[CountKey, int]:
        """Sum the counts."""
        with self._db.reading() as conn:
            return ledger.total(conn)

    def quarantined(self, limit: int = 1_000) -> tuple[Quarantined, ...]:
        """Read what was set aside, oldest first."""
        with self._db.reading() as conn:
            return ledger.read_aside(conn, limit)

    def kept_messages(self, first_ms: EpochMs, last_ms: EpochMs, limit: int) -> tuple[RawMessage, ...]:
        """Read messages of which something was set aside, received between two instants, last first."""
        with self._db.reading() as conn:
            return ledger.kept_messages(conn, first_ms, last_ms, limit)

    def failed(self) -> dict[str, int]:
        """Count the patients whose assessment failed at some time, by reason."""
        with self._db.reading() as conn:
            return ledger.count_failed(conn)

    def feeds(self) -> dict[str, EpochMs]:
        """Tell when each feed was last heard of."""
        with self._db.reading() as conn:
            return ledger.last_heard(conn)

    # Housekeeping

    def use_pack(self, digest: str, now_ms: EpochMs) -> bool:
        """Remember the pack in use; where it changed, standing LPs and failed assessments become due. Tell whether it did."""
        self._pack = digest
        with self._db.unit() as conn:
            if conn.scalar(PACK) == digest:
                return False
            conn.execute(upsert(conn, meta, ("value",)), {"key": "pack", "value": digest})
            standing = conn.scalars(sa.select(episode.c.patient).where(episode.c.is_current).distinct())
            again = {*standing, *ledger.failed_patients(conn)}
            ledger.add_due(conn, [(patient, now_ms) for patient in sorted(again)])
        return True

    def drop_recent(
        self, received_before_ms: EpochMs, long_concepts: Iterable[str], long_before_ms: EpochMs
    ) -> None:
        """Drop facts of patients without an LP that were received before these instants; few concepts stay longer.

        Raises: TemporaryError where somebody reads a day that is to go, for long; it goes when this is called again.
        """
        with self._db.unit() as conn:
            if locks.try_chore(conn, Chore.DROP_DAYS):
                ledger.fold_counts(conn)
                self._facts.drop(conn, received_before_ms, long_concepts)
                self._unused.drop(conn, received_before_ms)
                claims.drop(conn, long_before_ms)
        with self._db.unit() as conn:
            self._facts.drop_days(conn, long_before_ms)

    def drop_sent(self, before_ms: EpochMs, dead_letters_before_ms: EpochMs) -> None:
        """Drop notices that wait no longer and are older than this: dead letters, which the quarantine has too, sooner."""
        with self._db.unit() as conn:
            outbox.drop_sent(conn, before_ms, dead_letters_before_ms)

    def drop_over(self, anchored_before_ms: EpochMs) -> None:
        """Let go of patients whose last LP was before this instant and who have no recent facts; alerts stay.

        Whoever was joined for a while, because something moved before this instant, is so no more.
        """
        with self._db.unit() as conn:
            self._identities.drop_moved(conn, anchored_before_ms)
        while self._drop_some_over(anchored_before_ms):
            pass

    def _drop_some_over(self, anchored_before_ms: EpochMs) -> bool:
        """Let go of patients, as many as one transaction locks; False where none is left, or all are busy."""
        with self._db.unit() as conn:
            found = lps.patients_over(conn, anchored_before_ms)
            held = [group[0] for group in locks.hold(conn, [(patient,) for patient in found])]
            # What comes for them from now on has a due row of its own, which stays.
            due_ids = conn.scalars(sa.select(due.c.id).where(due.c.patient.in_(held))).all()
            over = lps.patients_over(conn, anchored_before_ms, held)
            lps.close_episodes(conn, over)
            conn.execute(sa.delete(due).where(due.c.id.in_(due_ids), due.c.patient.in_(over)))
            self._facts.drop_kept(conn, over)
        return bool(over)

    def _forget(self) -> None:
        self._identities.forget()
        self._facts.forget()
        self._unused.forget()


class _MovedError(Exception):
    """A position is not where its batch begins: all is taken back."""


def _part(batch: Batch) -> str:
    return batch.part


def _advance(conn: sa.Connection, batches: Sequence[Batch]) -> None:
    """Move the positions of all batches.

    Raises: _MovedError where one is not where its batch begins.
    """
    if not positions.advance(conn, batches):
        raise _MovedError


def _due(batches: Sequence[Batch]) -> Mapping[Identifier, EpochMs]:
    """Give who is to be assessed, each once, at the latest instant that a batch asks for."""
    due_ms: dict[Identifier, EpochMs] = {}
    for batch in batches:
        for who, at_ms in batch.due.items():
            due_ms[who] = max(at_ms, due_ms.get(who, at_ms))
    return due_ms


def _total(batches: Sequence[Batch]) -> Mapping[CountKey, int]:
    """Add up the counts."""
    total: Counter[CountKey] = Counter()
    for batch in batches:
        total.update(batch.counts)
    return total


def _identifiers(batch: Batch) -> Iterator[Identifier]:
    """Give every identifier that a batch writes about: they are numbered at once, so that two batches never wait in a ring."""
    for fact in batch.facts:
        yield fact.patient
    for who, _ in batch.unused:
        yield who
    for claim in batch.claims:
        if claim.patient is not None:
            yield claim.patient
    for link in batch.links:
        yield from (link.first, link.second)
    yield from batch.due
