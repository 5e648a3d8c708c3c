"""What the state can tell of itself: alerts with their history, LPs, patients."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from worker.model.alert import AlertState, HistoryLine
from worker.model.finding import Severity
from worker.storage.dialect import one_of
from worker.storage.episodes import read_alert
from worker.storage.identities import Identities
from worker.storage.records import AlertRecord
from worker.storage.schema import alert, alert_event, episode

_EVENTS_OF = sa.select(alert_event).where(one_of(alert_event.c.alert, "alerts")).order_by(alert_event.c.id)


def alert_records(conn: sa.Connection, identities: Identities) -> tuple[AlertRecord, ...]:
    """Read every alert with all identifiers of its patient and its history, oldest first."""
    joined = alert.join(episode, alert.c.episode == episode.c.id)
    columns = (alert.c.id, alert.c.document, alert.c.episode, episode.c.patient)
    rows = conn.execute(
        sa.select(*columns).select_from(joined).order_by(alert.c.raised_at_ms, alert.c.id)
    ).all()
    groups = {
        number: group for group in identities.groups(conn, {row.patient for row in rows}) for number in group
    }
    histories = _histories(conn)
    return tuple(
        AlertRecord(
            read_alert(row.document, row.episode),
            tuple(identities.find(conn, groups[row.patient])[number] for number in groups[row.patient]),
            tuple(histories.get(row.id, ())),
        )
        for row in rows
    )


def histories_of(conn: sa.Connection, alerts: Collection[str]) -> dict[str, tuple[HistoryLine, ...]]:
    """Read the histories of these alerts by their ids, oldest line first."""
    found: dict[str, tuple[HistoryLine, ...]] = {}
    if alerts:
        for row in conn.execute(_EVENTS_OF, {"alerts": sorted(alerts)}):
            found[row.alert] = (*found.get(row.alert, ()), _line(row))
    return found


def count_episodes(conn: sa.Connection) -> tuple[int, int]:
    """Count the LPs that stand, and how many of them are presumed."""
    standing = sa.select(episode.c.is_presumed, sa.func.count()).where(episode.c.is_current)
    found = {
        bool(is_presumed): int(n) for is_presumed, n in conn.execute(standing.group_by(episode.c.is_presumed))
    }
    return sum(found.values()), found.get(True, 0)


def _histories(conn: sa.Connection) -> dict[str, list[HistoryLine]]:
    histories: dict[str, list[HistoryLine]] = {}
    for row in conn.execute(sa.select(alert_event).order_by(alert_event.c.id)):
        histories.setdefault(row.alert, []).append(_line(row))
    return histories


def _line(row: sa.Row[Any]) -> HistoryLine:  # Any: a row of whatever columns
    return HistoryLine(row.at_ms, row.version, AlertState(row.state), Severity(row.severity), row.reason)
