"""One call of assessment on a SQL database: take what is due, read, judge, then write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from worker.correlate.claims import standing
from worker.model.errors import LpwatchError
from worker.model.time import EpochMs
from worker.storage import blind, claims, group_size, ledger, locks, outbox
from worker.storage import episodes as lps
from worker.storage.dialect import has_many_writers, one_of
from worker.storage.facts import Facts
from worker.storage.halves import Group, Halving
from worker.storage.identities import Identities
from worker.storage.records import Assessed, Case, CountKey, Quarantined, Verdict
from worker.storage.retries import retry_ms
from worker.storage.schema import due, meta
from worker.storage.unused import UnusedLog

_IDS_IN_A_STATEMENT = 1_000
# What is read at once; a patient on intensive care has some thousands.
_MOST_FACTS = 20_000

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
    group: Group
    fresh: dict[int, int]

    def without_facts(self) -> OpenCase:
        """Let go of the facts, which nobody needs who writes."""
        return replace(self, case=replace(self.case, facts=()))


class Assessing:
    """Judge patients that are due.

    The order: (1) due rows whose time has come; (2) whom they are about, and who of them may have an LP; (3) locks on all of
    these, or they wait for their turn; (4) all their due rows; (5) the links, once: they say whom we judge, and whether that
    is whom we locked; (6) facts, LPs and alerts; (7) the verdicts; (8) all writes. Whoever could not be read, judged or
    written is found by halving (6) and (8), and set aside; he gets back the due rows of later instants, and one for another
    try. Whom a record does not name any more is due as well, once: he is judged without it. A due row is taken only if what it
    was written with is read after it: (1) and (4) come before (5) and (6). Where
    nobody else writes there are no locks, and (2) is (5); a database in which somebody did write in between refuses the
    first write, and the whole is tried again.
    """

    def __init__(self, identities: Identities, facts: Facts, unused: UnusedLog) -> None:
        """Share what knows patients and facts."""
        self._unused = unused
        self._identities = identities
        self._facts = facts
        self._halving = Halving(identities.forget)

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
        patients = {row.patient for row in taken}
        groups, too_large, lapsed = self._identities.bounded_groups(conn, patients, group_size.LARGEST_GROUP)
        watched = self._facts.having(conn, _members([*groups, *too_large]), opening)
        refused = {
            group: group_size.too_large(as_of_ms) for group in too_large if not watched.isdisjoint(group)
        }
        _set_aside(conn, refused)
        wanted = [group for group in groups if not watched.isdisjoint(group)]
        ours, rows = self._hold(conn, wanted)
        busy = _members(wanted).difference(_members(ours))
        done_ids = {row.id for row in taken if row.patient not in busy}
        judged, unread = self._judge(conn, ours, decide, as_of_ms)
        # All due rows go before any comes: SQLite gives the number of a deleted row again.
        _take(conn, done_ids.union(row.id for row in rows))
        if lapsed:
            ledger.add_due(conn, [(number, as_of_ms) for number in self._identities.settle(conn, lapsed)])
        changes, unwritten = self._store(conn, judged, as_of_ms)
        failures = {**unread, **unwritten}
        failed = {
            **failures,
            **{
                group: verdict.failure
                for group, (_, verdict) in judged.items()
                if verdict.failure is not None
            },
        }
        _fail(conn, failed, rows, as_of_ms)
        return Assessed(
            due=len(done_ids),
            cases=len(ours),
            changes=changes,
            failed=len(failed) + len(refused),
            busy=len(taken) - len(done_ids),
            failures=(*refused.values(), *failures.values()),
            unwritten=tuple(judged[group][1] for group in unwritten),
        )

    def _judge(
        self,
        conn: sa.Connection,
        groups: Sequence[Group],
        decide: Callable[[Case], Verdict],
        as_of_ms: EpochMs,
    ) -> tuple[dict[Group, tuple[OpenCase, Verdict]], dict[Group, Quarantined]]:
        """Read these patients and judge them; those who cannot be read are told apart."""
        judged: dict[Group, tuple[OpenCase, Verdict]] = {}
        failed: dict[Group, Quarantined] = {}
        for portion in self._portions(conn, groups):
            read = self._halving.run(conn, portion, lambda some: self.cases(conn, some))
            for opened in (case for cases in read.results for case in cases):
                judged[opened.group] = (opened.without_facts(), decide(opened.case))
            failed.update((group, _failure(error, as_of_ms)) for group, error in read.failed.items())
        return judged, failed

    def _portions(self, conn: sa.Connection, groups: Sequence[Group]) -> Iterator[list[Group]]:
        """Part groups so that the facts of each portion, or of one patient in it, fit into memory."""
        counts = self._facts.count(conn, _members(groups)) if len(groups) > 1 else {}
        portion: list[Group] = []
        total = 0
        for group in groups:
            size = sum(counts.get(number, 0) for number in group)
            if portion and total + size > _MOST_FACTS:
                yield portion
                portion, total = [], 0
            portion.append(group)
            total += size
        if portion:
            yield portion

    def _store(
        self, conn: sa.Connection, judged: Mapping[Group, tuple[OpenCase, Verdict]], as_of_ms: EpochMs
    ) -> tuple[int, dict[Group, Quarantined]]:
        """Write the verdicts, count the changes people can see; those who cannot be written are told apart."""
        good = [group for group, (_, verdict) in judged.items() if verdict.failure is None]
        written = self._halving.run(
            conn, good, lambda some: self._write(conn, [judged[group] for group in some], as_of_ms)
        )
        self._halving.acquit([group for group in good if group not in written.failed])
        failed = {group: _failure(error, as_of_ms) for group, error in written.failed.items()}
        return sum(written.results), failed

    def _hold(
        self, conn: sa.Connection, wanted: Sequence[Group]
    ) -> tuple[list[Group], list[sa.Row[int, int, EpochMs]]]:
        """Give the groups that are ours to judge, and their due rows."""
        ours = locks.hold(conn, wanted)
        if not ours:
            return [], []
        rows = conn.execute(_DUE_OF, {"patients": list(_members(ours))}).all()
        if has_many_writers(conn):
            ours = self._identities.unchanged(conn, ours)
        members = _members(ours)
        return ours, [row for row in rows if row.patient in members]

    def cases(
        self, conn: sa.Connection, groups: Sequence[Group], at_ms: EpochMs | None = None
    ) -> list[OpenCase]:
        """Read all that is known of these patients; with `at_ms` resources are theirs that were it then."""
        if not groups:
            return []
        members = _members(groups)
        facts = self._facts.of(conn, members)
        elsewhere = claims.elsewhere(conn, members, at_ms)
        episodes = lps.stored_episodes(conn, members)
        alerts = lps.stored_alerts(conn, [stored.episode_id for _, stored in episodes])
        spans = blind.read(conn, [stored.episode_id for _, stored in episodes])
        unused = self._unused.of(conn, members)
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
                    tuple(
                        fact
                        for number in group
                        for fact in (
                            standing(facts[number].facts, elsewhere[number])
                            if number in elsewhere
                            else facts[number].facts
                        )
                    ),
                    tuple(episodes_of[group[0]]),
                    tuple(alerts_of[group[0]]),
                    tuple(item for number in group for item in unused.get(number, ())),
                    {
                        stored.episode_id: spans[stored.episode_id]
                        for stored in episodes_of[group[0]]
                        if stored.episode_id in spans
                    },
                ),
                group,
                {id_: number for number in group for id_ in facts[number].fresh},
            )
            for group in groups
        ]

    def _write(
        self, conn: sa.Connection, judged: Sequence[tuple[OpenCase, Verdict]], as_of_ms: EpochMs
    ) -> int:
        """Write verdicts, table by table: they are about different patients; count the changes people can see."""
        verdicts = [verdict for _, verdict in judged]
        episodes = [item for verdict in verdicts for item in verdict.episodes]
        changes = [change for verdict in verdicts for change in verdict.changes]
        numbers = self._identities.number(conn, [item.patient for item in episodes])
        lps.write_redirects(conn, [pair for verdict in verdicts for pair in verdict.redirects])
        stored = [item for opened, _ in judged for item in opened.case.episodes]
        lps.write_episodes(conn, stored, episodes, numbers)
        blind.write(
            conn,
            {name: spans for opened, _ in judged for name, spans in opened.case.blind.items()},
            {name: spans for verdict in verdicts for name, spans in verdict.blind.items()},
        )
        lps.write_changes(conn, changes)
        unclear = [(opened.case.patients[0], item) for opened, verdict in judged for item in verdict.unused]
        if unclear:
            self._unused.append(conn, unclear)
            for verdict in verdicts:
                ledger.count(conn, verdict.counts)
        outbox.write_notices(conn, [item for verdict in verdicts for item in verdict.notices], as_of_ms)
        fresh = [opened.fresh for opened, verdict in judged if verdict.episodes or opened.case.episodes]
        self._facts.keep(conn, {id_: number for some in fresh for id_, number in some.items()})
        ledger.add_due(
            conn,
            [
                (opened.group[0], verdict.next_due_ms)
                for opened, verdict in judged
                if verdict.next_due_ms is not None
            ],
        )
        return sum(change.is_visible for change in changes)


def _failure(error: Exception, as_of_ms: EpochMs) -> Quarantined:
    """Say why a patient could not be read or written; the class of the error says what, and nothing of him."""
    if isinstance(error, LpwatchError):
        return Quarantined("assessment", as_of_ms, error.reason, error.place)
    return Quarantined("assessment", as_of_ms, f"internal error {type(error).__name__}", "storage")


def _set_aside(conn: sa.Connection, failed: Mapping[Group, Quarantined]) -> None:
    for group, failure in failed.items():
        ledger.set_aside(conn, "", [failure], patient=group[0])
        ledger.count(conn, {CountKey("assessment", "", failure.reason, failure.place): 1})


def _fail(
    conn: sa.Connection,
    failed: Mapping[Group, Quarantined],
    rows: Iterable[sa.Row[int, int, EpochMs]],
    as_of_ms: EpochMs,
) -> None:
    """Set failed assessments aside: these patients get back their timers, and who has none soon is due for another try."""
    last_ms = ledger.last_failures(conn, _members(failed)) if failed else {}
    timers: list[tuple[int, EpochMs]] = []
    for group in failed:
        later = [(row.patient, row.at_ms) for row in rows if row.patient in group and row.at_ms > as_of_ms]
        last = max((last_ms[number] for number in group if number in last_ms), default=None)
        at_ms = retry_ms(as_of_ms, last, [timer_ms for _, timer_ms in later])
        timers += later if at_ms is None else [*later, (group[0], at_ms)]
    _set_aside(conn, failed)
    ledger.add_due(conn, timers)


def _members(groups: Iterable[Group]) -> set[int]:
    return {number for group in groups for number in group}


def _take(conn: sa.Connection, numbers: Collection[int]) -> None:
    ordered = sorted(numbers)
    for start in range(0, len(ordered), _IDS_IN_A_STATEMENT):
        conn.execute(_TAKE, {"numbers": ordered[start : start + _IDS_IN_A_STATEMENT]})
