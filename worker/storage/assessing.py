"""One assessment on a SQL database: read, judge, then write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from worker.model.time import EpochMs
from worker.storage import episodes as lps
from worker.storage import ledger, outbox
from worker.storage.dialect import one_of
from worker.storage.facts import Facts
from worker.storage.identities import Identities
from worker.storage.records import Assessed, Case, CountKey, Verdict
from worker.storage.schema import due

_READY = (
    sa.select(due.c.id, due.c.patient)
    .where(due.c.at_ms <= sa.bindparam("as_of_ms"))
    .order_by(due.c.at_ms, due.c.id)
    .limit(sa.bindparam("limit"))
)
_DUE_OF = sa.select(due.c.id).where(due.c.patient.in_(one_of("patients")))
_TAKE = sa.delete(due).where(due.c.id.in_(one_of("numbers")))


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case with what its writes need: its patients' numbers, its due rows, and facts not yet kept for good."""

    case: Case
    group: tuple[int, ...]
    due_ids: Sequence[int]
    fresh: Sequence[int]


class Assessing:
    """Judge patients that are due.

    The order: (1) due rows whose time has come; (2) links, once; (3) for each patient all due rows, the facts, LPs and
    alerts, and the verdict; (4) all writes. Reading and judging hold no write lock; a database in which somebody else wrote in
    between refuses the first write, and the whole is tried again.
    """

    def __init__(self, identities: Identities, facts: Facts) -> None:
        """Share what knows patients and facts."""
        self._identities = identities
        self._facts = facts

    def run(
        self,
        conn: sa.Connection,
        as_of_ms: EpochMs,
        opening: Iterable[str],
        decide: Callable[[Case], Verdict],
        limit: int,
    ) -> Assessed:
        """Take up to `limit` due rows, and do what they ask for."""
        taken = conn.execute(_READY, {"as_of_ms": as_of_ms, "limit": limit}).all()
        if not taken:
            return Assessed()
        groups = self._identities.groups(conn, {row.patient for row in taken})
        watched = self._facts.having(conn, [patient for group in groups for patient in group], opening)
        judged = [
            (opened, decide(opened.case))
            for opened in (self.case(conn, group) for group in groups if not watched.isdisjoint(group))
        ]
        # All due rows go before any comes: SQLite gives the number of a deleted row again.
        done_ids = {row.id for row in taken}.union(*(opened.due_ids for opened, _ in judged))
        conn.execute(_TAKE, {"numbers": list(done_ids)})
        done = Assessed(due=len(taken))
        for opened, verdict in judged:
            done += self._write(conn, opened, verdict, as_of_ms)
        return done

    def case(self, conn: sa.Connection, group: tuple[int, ...]) -> OpenCase:
        """Read all that is known of one patient."""
        due_ids = conn.scalars(_DUE_OF, {"patients": list(group)}).all()
        facts, fresh = self._facts.of(conn, group)
        stored = lps.stored_episodes(conn, group)
        alerts = lps.stored_alerts(conn, stored)
        names = self._identities.find(conn, group)
        return OpenCase(
            Case(tuple(names[number] for number in group), facts, stored, alerts), group, due_ids, fresh
        )

    def _write(self, conn: sa.Connection, opened: OpenCase, verdict: Verdict, as_of_ms: EpochMs) -> Assessed:
        case, root = opened.case, opened.group[0]
        if verdict.failure is not None:
            ledger.set_aside(conn, "", [verdict.failure], patient=root)
            ledger.count(conn, {CountKey("assessment", "", verdict.failure.reason, verdict.failure.place): 1})
            return Assessed(cases=1, failed=1)
        numbers = self._identities.number(conn, [item.patient for item in verdict.episodes])
        lps.write_redirects(conn, verdict.redirects)
        lps.write_episodes(conn, case.episodes, verdict.episodes, numbers)
        lps.write_changes(conn, verdict.changes)
        outbox.write_notices(conn, verdict.notices, as_of_ms)
        if verdict.episodes or case.episodes:
            self._facts.keep(conn, opened.fresh)
        if verdict.next_due_ms is not None:
            ledger.add_due(conn, {root: verdict.next_due_ms})
        return Assessed(cases=1, changes=sum(change.is_visible for change in verdict.changes))
