"""Notices that wait for their sink, and how far each sink is known to hold them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import sqlalchemy as sa

from worker.model.alert import Notice
from worker.model.time import EpochMs
from worker.storage.dialect import insert_new, one_of, upsert
from worker.storage.listening import tell
from worker.storage.records import NoticeKey, Outgoing, PendingNotice
from worker.storage.schema import outbox, sent_offset

_MAX_BYTES = 8 * 1024 * 1024

_LATEST = (
    sa.select(outbox.c.alert, sa.func.max(outbox.c.created_at_ms).label("at_ms"))
    .where(one_of(outbox.c.alert, "alerts"))
    .group_by(outbox.c.alert)
)

_EARLIER = outbox.alias()
_NOW: sa.BindParameter[int] = sa.bindparam("now_ms")
_READY = (
    outbox.c.sink == sa.bindparam("here"),
    ~outbox.c.is_sent,
    outbox.c.next_try_ms <= _NOW,
    sa.not_(one_of(outbox.c.target, "without")),
    ~sa.exists().where(
        _EARLIER.c.sink == outbox.c.sink,
        _EARLIER.c.target == outbox.c.target,
        _EARLIER.c.alert == outbox.c.alert,
        _EARLIER.c.version < outbox.c.version,
        ~_EARLIER.c.is_sent,
        _EARLIER.c.next_try_ms > _NOW,
    ),
)
# `created_at_ms` of an alert's versions never falls, so that this order keeps them in turn.
_SIZES, _PENDING = (
    chosen.where(*_READY)
    .order_by(outbox.c.created_at_ms, outbox.c.alert, outbox.c.version, outbox.c.target)
    .limit(sa.bindparam("limit"))
    for chosen in (sa.select(sa.func.length(outbox.c.body)), sa.select(outbox))
)


def write_notices(conn: sa.Connection, notices: Sequence[Outgoing], now_ms: EpochMs) -> None:
    """Put notices into the outbox, and wake their senders; one that is there already stays as it is."""
    if not notices:
        return
    # Two workers' clocks differ: a version is never older than those before it, so that an outbox read in part is in turn.
    alerts = {item.notice.alert_id for item in notices}
    latest = {row.alert: row.at_ms for row in conn.execute(_LATEST, {"alerts": list(alerts)})}
    rows = [
        {
            "notice": item.notice.notice_id,
            "sink": item.sink,
            "target": item.target,
            "kind": item.kind,
            "alert": item.notice.alert_id,
            "version": item.notice.version,
            "created_at_ms": max(now_ms, latest.get(item.notice.alert_id, now_ms)),
            "is_sent": False,
            "attempts": 0,
            # At once: who sends goes by a clock of its own, which may be behind that of the worker.
            "next_try_ms": 0,
            "body": item.notice.body,
        }
        for item in sorted(notices, key=_place)
    ]
    conn.execute(insert_new(conn, outbox), rows)
    tell(conn, {item.sink for item in notices})


def _place(item: Outgoing) -> tuple[str, str, str]:
    return (item.notice.notice_id, item.sink, item.target)


def pending(
    conn: sa.Connection, sink: str, now_ms: EpochMs, limit: int, without: Collection[str] = ()
) -> tuple[PendingNotice, ...]:
    """Read notices of a sink that may be sent now: found by their state, an alert's in the order of its versions.

    Shape: none for the targets `without`; as many as hold 8 MiB of bodies, one at least: a dead letter may be large.
    """
    asked: dict[str, object] = {"here": sink, "now_ms": now_ms, "without": list(without)}
    limit = _within(conn.scalars(_SIZES, {**asked, "limit": limit}), _MAX_BYTES)
    if not limit:
        return ()
    rows = conn.execute(_PENDING, {**asked, "limit": limit})
    return tuple(
        PendingNotice(
            Notice(row.notice, row.alert, row.version, row.body),
            row.attempts,
            row.target,
            row.kind,
            row.created_at_ms,
        )
        for row in rows
    )


def _within(sizes: Iterable[int], bound: int) -> int:
    """Count how many come before their sum is beyond a bound, the one that crosses it included."""
    count = total = 0
    for size in sizes:
        if total > bound:
            break
        count, total = count + 1, total + size
    return count


def mark_sent(conn: sa.Connection, sink: str, keys: Collection[NoticeKey]) -> None:
    """Note that the sink has these notices."""
    for target, notices in _by_target(keys).items():
        conn.execute(_MARK, {"here": sink, "there": target, "notices": notices})


def exchange(conn: sa.Connection, sink: str, smaller: PendingNotice) -> bool:
    """Put another body in the place of that of a notice, to be sent at once; False where it waits no longer."""
    waits = (*_CHOSEN, ~outbox.c.is_sent)
    chosen = {"here": sink, "there": smaller.target, "notices": [smaller.notice.notice_id]}
    values = {"kind": smaller.kind, "body": smaller.notice.body, "next_try_ms": 0}
    return conn.execute(sa.update(outbox).where(*waits).values(values), chosen).rowcount == 1


def postpone(conn: sa.Connection, sink: str, keys: Collection[NoticeKey], until_ms: EpochMs) -> None:
    """Note that a sink could not take these notices, and when to try again."""
    for target, notices in _by_target(keys).items():
        conn.execute(_POSTPONE, {"here": sink, "there": target, "notices": notices, "next_try_ms": until_ms})


def drop_sent(conn: sa.Connection, before_ms: EpochMs, dead_letters_before_ms: EpochMs) -> None:
    """Drop notices that wait no longer and are older than this; the quarantine has what dead letters hold."""
    is_old = outbox.c.created_at_ms < before_ms
    is_old_letter = sa.and_(outbox.c.kind == "dead-letter", outbox.c.created_at_ms < dead_letters_before_ms)
    conn.execute(sa.delete(outbox).where(outbox.c.is_sent, sa.or_(is_old, is_old_letter)))


def _by_target(keys: Collection[NoticeKey]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in sorted(keys, key=lambda key: (key.target, key.notice_id)):
        found.setdefault(key.target, []).append(key.notice_id)
    return found


_CHOSEN = (
    outbox.c.sink == sa.bindparam("here"),
    outbox.c.target == sa.bindparam("there"),
    one_of(outbox.c.notice, "notices"),
)
_MARK = sa.update(outbox).where(*_CHOSEN).values(is_sent=True)
_POSTPONE = (
    sa.update(outbox)
    .where(*_CHOSEN)
    .values(attempts=outbox.c.attempts + 1, next_try_ms=sa.bindparam("next_try_ms"))
)


def count_waiting(conn: sa.Connection, sink: str) -> int:
    """Count the notices that a sink does not have yet."""
    mine = sa.select(sa.func.count()).where(outbox.c.sink == sink, ~outbox.c.is_sent)
    return conn.scalar(mine) or 0


def oldest_waiting_ms(conn: sa.Connection, sink: str) -> EpochMs | None:
    """Tell since when the oldest notice waits that a sink does not have yet."""
    oldest: EpochMs | None = conn.scalar(
        sa.select(sa.func.min(outbox.c.created_at_ms)).where(outbox.c.sink == sink, ~outbox.c.is_sent)
    )
    return oldest


def next_try_ms(conn: sa.Connection) -> EpochMs | None:
    """Tell when the next notice may be sent."""
    earliest: EpochMs | None = conn.scalar(
        sa.select(sa.func.min(outbox.c.next_try_ms)).where(~outbox.c.is_sent)
    )
    return earliest


def sent_offsets(conn: sa.Connection, sink: str) -> dict[tuple[str, int], int]:
    """Read up to where in each (topic, partition) everything of this sink is marked."""
    rows = conn.execute(sa.select(sent_offset).where(sent_offset.c.sink == sink))
    return {(row.topic, row.partition): row.next for row in rows}


def note_offsets(conn: sa.Connection, sink: str, offsets: Mapping[tuple[str, int], int]) -> None:
    """Remember next offsets; the last word counts, also where a topic was made anew and begins at 0."""
    rows = [
        {"sink": sink, "topic": topic, "partition": partition, "next": offset}
        for (topic, partition), offset in sorted(offsets.items())
    ]
    if rows:
        conn.execute(upsert(conn, sent_offset, ("next",)), rows)
