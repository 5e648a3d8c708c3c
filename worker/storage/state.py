"""What is known, in one SQL database: the units of work of ingest and assessment, and their small companions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import sqlalchemy as sa

from worker.model.time import EpochMs
from worker.storage import episodes as lps
from worker.storage import ledger, outbox, reports
from worker.storage.assessing import Assessing
from worker.storage.database import Database
from worker.storage.dialect import Synchronous, open_database, upsert
from worker.storage.facts import Facts
from worker.storage.identities import Identities
from worker.storage.records import (
    AlertRecord,
    Assessed,
    Batch,
    Case,
    CountKey,
    PendingNotice,
    Position,
    Quarantined,
    Verdict,
)
from worker.storage.schema import due, episode, feed_state, identifier, meta, position

_NEXT_DUE = sa.select(sa.func.min(due.c.at_ms))


class SqlState:
    """Keep the state in a SQL database; used by one thread."""

    def __init__(self, url: str, *, synchronous: Synchronous = "FULL", commit_every: int = 1) -> None:
        """Open a migrated database; `Database` says what `commit_every` means."""
        self._db = Database(open_database(url, synchronous=synchronous), commit_every=commit_every)
        self._db.on_undo = self._forget
        self._identities = Identities()
        self._facts = Facts(self._identities)
        self._assessing = Assessing(self._identities, self._facts)

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
            row = conn.execute(sa.select(position).where(position.c.part == part)).one_or_none()
        return Position() if row is None else Position(row.next, row.at_ms)

    def record(self, batch: Batch) -> bool:
        """Write one ingest batch; False, and nothing written, where somebody else has moved the position.

        The order: (1) the position moves from `first` to `next`, or all ends here; (2) facts and links; (3) due rows;
        (4) what was set aside; (5) counts. One commit makes all of it true.
        """
        with self._db.unit() as conn:
            if not ledger.advance(conn, batch):
                return False
            self._facts.append(conn, batch.facts)
            self._identities.link(conn, batch.links)
            numbers = self._identities.number(conn, batch.due)
            ledger.add_due(conn, {numbers[patient.key]: at_ms for patient, at_ms in batch.due.items()})
            ledger.set_aside(conn, batch.part, batch.quarantined)
            ledger.count(conn, batch.counts)
            ledger.note_feeds(conn, batch.feeds)
        return True

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
        done without a verdict.
        Raises: TemporaryError where somebody else wrote in between; nothing was written, the due rows stand.
        """
        with self._db.unit() as conn:
            return self._assessing.run(conn, as_of_ms, opening, decide, limit)

    def count_due(self, now_ms: EpochMs) -> int:
        """Count the assessments that are due now."""
        with self._db.reading() as conn:
            return conn.scalar(sa.select(sa.func.count()).where(due.c.at_ms <= now_ms)) or 0

    # Delivery

    def pending(self, sink: str, now_ms: EpochMs, limit: int) -> tuple[PendingNotice, ...]:
        """Read notices that may be sent now, an alert's in the order of its versions."""
        with self._db.reading() as conn:
            return outbox.pending(conn, sink, now_ms, limit)

    def mark_sent(self, sink: str, notice_ids: Collection[str]) -> None:
        """Note that the sink has these notices."""
        with self._db.unit() as conn:
            outbox.mark_sent(conn, sink, notice_ids)

    def postpone(self, sink: str, notice_ids: Collection[str], until_ms: EpochMs) -> None:
        """Note that a sink could not take these notices, and when to try again."""
        with self._db.unit() as conn:
            outbox.postpone(conn, sink, notice_ids, until_ms)

    def count_waiting(self, sink: str) -> int:
        """Count the notices that a sink does not have yet."""
        with self._db.reading() as conn:
            return outbox.count_waiting(conn, sink)

    def next_try_ms(self) -> EpochMs | None:
        """Tell when the next notice may be sent."""
        with self._db.reading() as conn:
            return outbox.next_try_ms(conn)

    # Reading

    def case(self, patient: int) -> Case:
        """Read the patient with this number and everybody joined with him, as an assessment would."""
        with self._db.reading() as conn:
            (group,) = self._identities.groups(conn, [patient])
            return self._assessing.case(conn, group).case

    def find(self, value: str) -> tuple[int, ...]:
        """Find patients by an identifier's value, whatever its authority."""
        with self._db.reading() as conn:
            return tuple(conn.scalars(sa.select(identifier.c.id).where(identifier.c.value == value)))

    def alerts(self) -> tuple[AlertRecord, ...]:
        """Read every alert with all identifiers of its patient and its history, oldest first."""
        with self._db.reading() as conn:
            return reports.alert_records(conn, self._identities)

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

    def feeds(self) -> dict[str, EpochMs]:
        """Tell when each feed was last heard of."""
        with self._db.reading() as conn:
            return {row.feed: row.last_received_ms for row in conn.execute(sa.select(feed_state))}

    # Housekeeping

    def use_pack(self, digest: str, now_ms: EpochMs) -> bool:
        """Remember the pack in use; where it changed, every standing LP becomes due. Tell whether it changed."""
        with self._db.unit() as conn:
            if conn.scalar(sa.select(meta.c.value).where(meta.c.key == "pack")) == digest:
                return False
            conn.execute(upsert(conn, meta, ("value",)), {"key": "pack", "value": digest})
            open_patients = conn.scalars(sa.select(episode.c.patient).where(episode.c.is_current).distinct())
            ledger.add_due(conn, dict.fromkeys(open_patients, now_ms))
        return True

    def drop_recent(
        self, received_before_ms: EpochMs, long_concepts: Iterable[str], long_before_ms: EpochMs
    ) -> None:
        """Drop facts of patients without an LP that were received before these instants; few concepts stay longer."""
        with self._db.unit() as conn:
            self._facts.drop(conn, received_before_ms, long_concepts)
            self._facts.drop(conn, long_before_ms, ())

    def drop_over(self, anchored_before_ms: EpochMs) -> None:
        """Let go of patients whose last LP was before this instant and who have no recent facts; alerts stay."""
        with self._db.unit() as conn:
            over = lps.patients_over(conn, anchored_before_ms)
            lps.close_episodes(conn, over)
            conn.execute(sa.delete(due).where(due.c.patient.in_(over)))
            self._facts.drop_kept(conn, over)

    def _forget(self) -> None:
        self._identities.forget()
        self._facts.forget()
