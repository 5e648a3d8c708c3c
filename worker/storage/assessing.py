"""One call of assessment on a SQL database: take what is due, read, judge, then write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from worker.model.time import EpochMs
from worker.storage import episodes as lps
from worker.storage import ledger, locks, outbox
from worker.storage.dialect import has_many_writers, one_of
from worker.storage.facts import Facts
from worker.storage.identities import Identities
from worker.storage.records import Assessed, Case, CountKey, Quarantined, Verdict
from worker.storage.retries import retry_ms
from worker.storage.schema import due, meta

_IDS_IN_A_STATEMENT = 1_000

# Rows that another worker holds are his, now and here: nobody waits for a row, nobody deletes one that he does not hold.
_READY = (
    sa.select(due.c.id, due.c.patient)
    .where(due.c.at_ms <= sa.bindparam("as_of_ms"))
    .order_by(due.c.at_ms, due.c.id)
    .limit(sa.bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_DUE_OF = (
    sa.select(due.c.id, due.c.patient, due.c.at_ms)
    .where(one_of(due.c.patient, "patients"))
    .with_for_update(skip_locked=True)
)
PACK = sa.select(meta.c.value).where(meta.c.key == "pack")
_TAKE = sa.delete(due).where(one_of(due.c.id, "numbers"))


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case with what its writes need: its patients' numbers, and facts not yet kept for good, with their patients."""

    case: Case
    group: tuple[int, ...]
    fresh: dict[int, int]


class Assessing:
    """Judge patients that are due.

    The order: (1) due rows whose time has come; (2) whom they are about, and who of them may have an LP; (3) locks on all of
    these, or they wait for their turn; (4) all their due rows; (5) the links, once: they say whom we judge, and whether that
    is whom we locked; (6) facts, LPs and alerts; (7) the verdicts; (8) all writes. Whoever could not be judged keeps the due
    rows of later instants, and gets one for another try. A due row is taken only if what it was
    written with is read after it: (1) and (4) come before (5) and (6). Where nobody else writes there are no locks, and (2)
    is (5); a database in which somebody did write in between refuses the first write, and the whole is tried again.
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
        pack: str = "",
    ) -> Assessed:
        """Take up to `limit` due rows, and do what they ask for, unless another pack is in use by now."""
        taken = conn.execute(_READY, {"as_of_ms": as_of_ms, "limit": limit}).all()
        # After the rows: those that a new pack asks for are seen only together with its name.
        if not taken or (pack and conn.scalar(PACK) != pack):
            return Assessed()
        groups = self._identities.groups(conn, {row.patient for row in taken})
        watched = self._facts.having(conn, [patient for group in groups for patient in group], opening)
        wanted = [group for group in groups if not watched.isdisjoint(group)]
        too_large = [group for group in wanted if has_many_writers(conn) and len(group) > locks.LARGEST_GROUP]
        if too_large:
            _refuse(conn, too_large, as_of_ms)
            wanted = [group for group in wanted if group not in too_large]
        ours, rows = self._hold(conn, wanted)
        busy = _members(wanted).difference(_members(ours))
        done_ids = {row.id for row in taken if row.patient not in busy}
        judged = [(opened, decide(opened.case)) for opened in self.cases(conn, ours)]
        failed = [
            (opened.group, verdict.failure) for opened, verdict in judged if verdict.failure is not None
        ]
        unjudged = _members(group for group, _ in failed)
        timers = [row for row in rows if row.patient in unjudged and row.at_ms > as_of_ms]
        # All due rows go before any comes: SQLite gives the number of a deleted row again.
        _take(conn, done_ids.union(row.id for row in rows).difference(row.id for row in timers))
        _fail(conn, failed, timers, as_of_ms)
        return self._write(conn, judged, as_of_ms) + Assessed(
            due=len(done_ids), busy=len(taken) - len(done_ids)
        )

    def _hold(
        self, conn: sa.Connection, wanted: Sequence[tuple[int, ...]]
    ) -> tuple[list[tuple[int, ...]], list[sa.Row[int, int, EpochMs]]]:
        """Give the groups that are ours to judge, and their due rows."""
        ours = locks.hold(conn, wanted)
        if not ours:
            return [], []
        rows = conn.execute(_DUE_OF, {"patients": list(_members(ours))}).all()
        if has_many_writers(conn):
            ours = self._identities.unchanged(conn, ours)
        members = _members(ours)
        return ours, [row for row in rows if row.patient in members]

    def cases(self, conn: sa.Connection, groups: Sequence[tuple[int, ...]]) -> list[OpenCase]:
        """Read all that is known of these patients."""
        if not groups:
            return []
        members = _members(groups)
        facts = self._facts.of(conn, members)
        episodes = lps.stored_episodes(conn, members)
        alerts = lps.stored_alerts(conn, [stored.episode_id for _, stored in episodes])
        names = self._identities.find(conn, members)
        owners = {number: group[0] for group in groups for number in group}
        roots = {stored.episode_id: owners[patient] for patient, stored in episodes}
        episodes_of, alerts_of = defaultdict(list), defaultdict(list)
        for patient, stored in episodes:
            episodes_of[owners[patient]].append(stored)
        for alert in alerts:
            alerts_of[roots[alert.episode_id]].append(alert)
        return [
            OpenCase(
                Case(
                    tuple(names[number] for number in group),
                    tuple(fact for number in group for fact in facts[number].facts),
                    tuple(episodes_of[group[0]]),
                    tuple(alerts_of[group[0]]),
                ),
                group,
                {id_: number for number in group for id_ in facts[number].fresh},
            )
            for group in groups
        ]

    def _write(
        self, conn: sa.Connection, judged: Sequence[tuple[OpenCase, Verdict]], as_of_ms: EpochMs
    ) -> Assessed:
        """Write all verdicts, table by table: those of one call are about different patients."""
        done = [(opened, verdict) for opened, verdict in judged if verdict.failure is None]
        verdicts = [verdict for _, verdict in done]
        episodes = [item for verdict in verdicts for item in verdict.episodes]
        changes = [change for verdict in verdicts for change in verdict.changes]
        numbers = self._identities.number(conn, [item.patient for item in episodes])
        lps.write_redirects(conn, [pair for verdict in verdicts for pair in verdict.redirects])
        stored = [item for opened, _ in done for item in opened.case.episodes]
        lps.write_episodes(conn, stored, episodes, numbers)
        lps.write_changes(conn, changes)
        outbox.write_notices(conn, [item for verdict in verdicts for item in verdict.notices], as_of_ms)
        fresh = [opened.fresh for opened, verdict in done if verdict.episodes or opened.case.episodes]
        self._facts.keep(conn, {id_: number for some in fresh for id_, number in some.items()})
        ledger.add_due(
            conn,
            {
                opened.group[0]: verdict.next_due_ms
                for opened, verdict in done
                if verdict.next_due_ms is not None
            },
        )
        visible = sum(change.is_visible for change in changes)
        return Assessed(cases=len(judged), changes=visible, failed=len(judged) - len(done))


def _fail(
    conn: sa.Connection,
    failed: Sequence[tuple[tuple[int, ...], Quarantined]],
    timers: Sequence[sa.Row[int, int, EpochMs]],
    as_of_ms: EpochMs,
) -> None:
    """Set failed assessments aside; whoever has no timer soon is due for another try."""
    last_ms = ledger.last_failures(conn, _members(group for group, _ in failed)) if failed else {}
    for group, failure in failed:
        ledger.set_aside(conn, "", [failure], patient=group[0])
        ledger.count(conn, {CountKey("assessment", "", failure.reason, failure.place): 1})
        last = max((last_ms[number] for number in group if number in last_ms), default=None)
        at_ms = retry_ms(as_of_ms, last, [row.at_ms for row in timers if row.patient in group])
        if at_ms is not None:
            ledger.add_due(conn, {group[0]: at_ms})


def _refuse(conn: sa.Connection, groups: Iterable[tuple[int, ...]], as_of_ms: EpochMs) -> None:
    """Set assessments aside that would take more locks than there are: people must part who was joined by mistake."""
    for group in groups:
        reason = f"a patient of more than {locks.LARGEST_GROUP} identifiers"
        ledger.set_aside(conn, "", [Quarantined("assessment", as_of_ms, reason)], patient=group[0])
        ledger.count(conn, {CountKey("assessment", "", reason): 1})


def _members(groups: Iterable[tuple[int, ...]]) -> set[int]:
    return {number for group in groups for number in group}


def _take(conn: sa.Connection, numbers: Collection[int]) -> None:
    ordered = sorted(numbers)
    for start in range(0, len(ordered), _IDS_IN_A_STATEMENT):
        conn.execute(_TAKE, {"numbers": ordered[start : start + _IDS_IN_A_STATEMENT]})
