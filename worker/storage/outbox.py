"""Notices that wait for their sink."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from worker.model.alert import Notice
from worker.model.time import EpochMs
from worker.storage.records import PendingNotice
from worker.storage.schema import outbox


def pending(conn: sa.Connection, sink: str, now_ms: EpochMs, limit: int) -> tuple[PendingNotice, ...]:
    """Read notices of a sink that may be sent now: found by their state, an alert's in the order of its versions."""
    earlier = outbox.alias()
    waits_for_earlier = sa.exists().where(
        earlier.c.sink == outbox.c.sink,
        earlier.c.alert == outbox.c.alert,
        earlier.c.version < outbox.c.version,
        ~earlier.c.is_sent,
        earlier.c.next_try_ms > now_ms,
    )
    ready = (outbox.c.sink == sink, ~outbox.c.is_sent, outbox.c.next_try_ms <= now_ms, ~waits_for_earlier)
    # `created_at_ms` of an alert's versions never falls, so that this order keeps them in turn.
    order = (outbox.c.created_at_ms, outbox.c.alert, outbox.c.version)
    rows = conn.execute(sa.select(outbox).where(*ready).order_by(*order).limit(limit))
    return tuple(
        PendingNotice(Notice(row.notice, row.alert, row.version, row.body), row.attempts) for row in rows
    )


def mark_sent(conn: sa.Connection, sink: str, notice_ids: Collection[str]) -> None:
    """Note that the sink has these notices."""
    conn.execute(
        sa.update(outbox).where(outbox.c.sink == sink, outbox.c.notice.in_(notice_ids)).values(is_sent=True)
    )


def postpone(conn: sa.Connection, sink: str, notice_ids: Collection[str], until_ms: EpochMs) -> None:
    """Note that a sink could not take these notices, and when to try again."""
    mine = sa.update(outbox).where(outbox.c.sink == sink, outbox.c.notice.in_(notice_ids))
    conn.execute(mine.values(attempts=outbox.c.attempts + 1, next_try_ms=until_ms))


def count_waiting(conn: sa.Connection, sink: str) -> int:
    """Count the notices that a sink does not have yet."""
    mine = sa.select(sa.func.count()).where(outbox.c.sink == sink, ~outbox.c.is_sent)
    return conn.scalar(mine) or 0


def next_try_ms(conn: sa.Connection) -> EpochMs | None:
    """Tell when the next notice may be sent."""
    earliest: EpochMs | None = conn.scalar(
        sa.select(sa.func.min(outbox.c.next_try_ms)).where(~outbox.c.is_sent)
    )
    return earliest
