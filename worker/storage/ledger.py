"""Due rows, counts, feeds and quarantine: the small writes of a unit of work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from worker.model.message import Form, RawMessage
from worker.model.time import EpochMs
from worker.storage.dialect import append_rows, has_many_writers, insert_new, one_of, upsert, write_rows
from worker.storage.records import CountKey, Quarantined
from worker.storage.schema import counter, due, feed_state, quarantine, quarantined_message

_COUNT = sa.insert(counter)
_IS_FAILURE = sa.and_(quarantine.c.kind == "assessment", quarantine.c.patient.is_not(None))
_LAST_FAILURES = (
    sa.select(quarantine.c.patient, sa.func.max(quarantine.c.at_ms).label("at_ms"))
    .where(_IS_FAILURE, one_of(quarantine.c.patient, "patients"))
    .group_by(quarantine.c.patient)
)
_COUNTED = (counter.c.stage, counter.c.feed, counter.c.reason, counter.c.subject)


def add_due(conn: sa.Connection, patients: Iterable[tuple[int, EpochMs]]) -> None:
    """Ask for an assessment of each patient at its instant; of one at several."""
    rows = list(patients)
    if rows:
        append_rows(conn, due, ("patient", "at_ms"), rows)


def count(conn: sa.Connection, counts: Mapping[CountKey, int]) -> None:
    """Add counts as rows of their own: no two writers ever wait for one row."""
    rows = [{**key._asdict(), "n": n} for key, n in counts.items()]
    if rows:
        conn.execute(_COUNT, rows)


def total(conn: sa.Connection) -> dict[CountKey, int]:
    """Sum the counts."""
    rows = conn.execute(sa.select(*_COUNTED, sa.func.sum(counter.c.n)).group_by(*_COUNTED))
    return {CountKey(stage, feed, reason, subject): int(n) for stage, feed, reason, subject, n in rows}


def fold_counts(conn: sa.Connection) -> None:
    """Put one row in the place of all that count the same; nothing that is counted meanwhile is missed."""
    names = [column.name for column in _COUNTED]
    if has_many_writers(conn):
        gone = sa.delete(counter).returning(*_COUNTED, counter.c.n).cte("gone")
        sums = sa.select(*(gone.c[name] for name in names), sa.func.sum(gone.c.n))
        conn.execute(_COUNT.from_select([*names, "n"], sums.group_by(*(gone.c[name] for name in names))))
        return
    folded = total(conn)
    conn.execute(sa.delete(counter))
    count(conn, folded)


def note_feeds(conn: sa.Connection, feeds: Mapping[str, Mapping[str, EpochMs]]) -> None:
    """Remember when each feed was last heard of by each part of the journal."""
    rows = [
        {"feed": feed, "part": part, "last_received_ms": at_ms}
        for part, heard in sorted(feeds.items())
        for feed, at_ms in sorted(heard.items())
    ]
    if rows:
        newest = ("last_received_ms",)
        write_rows(conn, upsert(conn, feed_state, newest, newer=newest), rows)


def last_heard(conn: sa.Connection) -> dict[str, EpochMs]:
    """Tell when each feed was last heard of, by whatever part."""
    latest = sa.func.max(feed_state.c.last_received_ms).label("at_ms")
    rows = conn.execute(sa.select(feed_state.c.feed, latest).group_by(feed_state.c.feed))
    return {row.feed: row.at_ms for row in rows}


def set_aside(
    conn: sa.Connection, part: str, items: Iterable[Quarantined], *, patient: int | None = None
) -> None:
    """Put into quarantine, with the bytes of each message once."""
    entries, messages = [], {}
    for item in items:
        entries.append(_entry(part, item, patient))
        if item.message is not None and item.offset is not None:
            kept = _kept_message(part, item.offset, item.message)
            messages[item.offset, kept["digest"]] = kept
    if entries:
        conn.execute(sa.insert(quarantine), entries)
    if messages:
        conn.execute(insert_new(conn, quarantined_message), list(messages.values()))


def last_failures(conn: sa.Connection, patients: Iterable[int]) -> dict[int, EpochMs]:
    """Tell when the assessment of each of these patients failed last; who is not named never failed."""
    rows = conn.execute(_LAST_FAILURES, {"patients": list(patients)})
    return {row.patient: row.at_ms for row in rows}


def failed_patients(conn: sa.Connection) -> list[int]:
    """Give the patients whose assessment failed at some time."""
    return list(conn.scalars(sa.select(quarantine.c.patient).where(_IS_FAILURE).distinct()))


def count_failed(conn: sa.Connection) -> dict[str, int]:
    """Count the patients whose assessment failed at some time, by reason; each once, however often it was tried."""
    patients = sa.func.count(quarantine.c.patient.distinct())
    rows = conn.execute(
        sa.select(quarantine.c.reason, patients.label("n")).where(_IS_FAILURE).group_by(quarantine.c.reason)
    )
    return {row.reason: row.n for row in rows}


def read_aside(conn: sa.Connection, limit: int) -> tuple[Quarantined, ...]:
    """Read what was set aside, oldest first."""
    joined = quarantine.outerjoin(
        quarantined_message,
        sa.and_(
            quarantine.c.part == quarantined_message.c.part,
            quarantine.c.offset == quarantined_message.c.offset,
            quarantine.c.digest == quarantined_message.c.digest,
        ),
    )
    message = quarantined_message.c
    columns = (message.received_at_ms, message.transport, message.form, message.fault, message.body)
    rows = conn.execute(
        sa.select(quarantine, *columns).select_from(joined).order_by(quarantine.c.id).limit(limit)
    )
    return tuple(
        Quarantined(
            row.kind,
            row.at_ms,
            row.reason,
            row.place,
            row.feed,
            row.message_type,
            row.message_id,
            row.offset,
            None
            if row.body is None
            else RawMessage(row.body, Form(row.form), row.transport, row.received_at_ms, row.fault),
        )
        for row in rows
    )


def kept_messages(
    conn: sa.Connection, first_ms: EpochMs, last_ms: EpochMs, limit: int
) -> tuple[RawMessage, ...]:
    """Read the last messages that were received between two instants, both counting, and of which something was set aside."""
    message = quarantined_message.c
    rows = conn.execute(
        sa.select(message.body, message.form, message.transport, message.received_at_ms, message.fault)
        .where(message.received_at_ms.between(first_ms, last_ms))
        .order_by(message.received_at_ms.desc(), message.part, message.offset)
        .limit(limit)
    )
    return tuple(
        RawMessage(row.body, Form(row.form), row.transport, row.received_at_ms, row.fault) for row in rows
    )


def _entry(part: str, item: Quarantined, patient: int | None) -> dict[str, object]:
    return {
        "kind": item.kind,
        "at_ms": item.at_ms,
        "reason": item.reason,
        "place": item.place,
        "feed": item.feed,
        "message_type": item.message_type,
        "message_id": item.message_id,
        "part": part,
        "offset": item.offset,
        "digest": "" if item.message is None else item.message.digest,
        "patient": patient,
    }


def _kept_message(part: str, offset: int, message: RawMessage) -> dict[str, object]:
    return {
        "part": part,
        "offset": offset,
        "digest": message.digest,
        "received_at_ms": message.received_at_ms,
        "transport": message.transport,
        "form": message.form.value,
        "fault": message.fault,
        "body": message.body,
    }
