"""LPs, alerts and their history of one patient, as an assessment reads and writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from worker.correlate.matching import StoredEpisode
from worker.model.alert import Alert, AlertChange
from worker.storage import blind
from worker.storage.codec import decode_alert, decode_keys, encode_alert, encode_keys
from worker.storage.dialect import one_of, upsert
from worker.storage.locks import MOST_LOCKS
from worker.storage.records import EpisodeRecord
from worker.storage.schema import (
    alert,
    alert_event,
    episode,
    episode_redirect,
    identifier,
    recent_fact,
)

_STORED = (
    sa.select(
        episode.c.patient, episode.c.id, episode.c.record_keys, episode.c.created_at_ms, episode.c.anchor_ms
    )
    .where(one_of(episode.c.patient, "patients"), ~episode.c.is_over)
    .order_by(episode.c.created_at_ms, episode.c.id)
)
_ALERTS = (
    sa.select(alert.c.document, alert.c.episode)
    .where(one_of(alert.c.episode, "episodes"))
    .order_by(alert.c.raised_at_ms, alert.c.id)
)
_WATCHED = (
    sa.select(episode.c.patient)
    .where(
        episode.c.is_current,
        ~episode.c.is_over,
        episode.c.anchor_ms >= sa.bindparam("anchored_from_ms"),
        episode.c.patient > sa.bindparam("after"),
    )
    .distinct()
    .order_by(episode.c.patient)
    .limit(sa.bindparam("limit"))
)
_NEWEST = sa.select(sa.func.max(episode.c.anchor_ms)).where(episode.c.is_current, ~episode.c.is_over)
_VANISH = sa.update(episode).where(one_of(episode.c.id, "episodes")).values(is_current=False)
_IDS = sa.select(episode.c.id).where(one_of(episode.c.patient, "patients"))
_CLOSE = sa.update(episode).where(one_of(episode.c.patient, "patients"))
_ADD_EVENT = sa.insert(alert_event)
_EPISODE_CHANGES = ("patient", "anchor_ms", "is_presumed", "is_current", "record_keys")
_ALERT_CHANGES = tuple(column.name for column in alert.columns if column.name not in {"id", "raised_at_ms"})


def stored_episodes(conn: sa.Connection, patients: Collection[int]) -> tuple[tuple[int, StoredEpisode], ...]:
    """Read the LPs that were found for these patients, each with its patient, the vanished ones included, oldest first."""
    rows = conn.execute(_STORED, {"patients": list(patients)})
    return tuple(
        (patient, StoredEpisode(id_, decode_keys(keys), created, anchor))
        for patient, id_, keys, created, anchor in rows
    )


def stored_alerts(conn: sa.Connection, episodes: Collection[str]) -> tuple[Alert, ...]:
    """Read the alerts of these LPs, in any state, oldest first."""
    if not episodes:
        return ()
    rows = conn.execute(_ALERTS, {"episodes": list(episodes)})
    return tuple(read_alert(row.document, row.episode) for row in rows)


def read_alert(document: bytes, episode_id: str) -> Alert:
    """Decode an alert; the row knows better than the document which LP it belongs to since LPs were joined."""
    found = decode_alert(document)
    return found if found.episode_id == episode_id else replace(found, episode_id=episode_id)


def write_episodes(
    conn: sa.Connection,
    stored: Iterable[StoredEpisode],
    current: Sequence[EpisodeRecord],
    numbers: Mapping[tuple[str, str], int],
) -> None:
    """Store the LPs that stand, and mark the other stored ones as standing no longer."""
    gone = {item.episode_id for item in stored}.difference(item.episode_id for item in current)
    if gone:
        conn.execute(_VANISH, {"episodes": sorted(gone)})
    if current:
        conn.execute(
            upsert(conn, episode, _EPISODE_CHANGES), [_episode_row(item, numbers) for item in current]
        )


def write_redirects(conn: sa.Connection, redirects: Sequence[tuple[str, str]]) -> None:
    """Let the kept LPs take over the alerts of those that turned out to be the same."""
    for old, kept in redirects:
        conn.execute(sa.update(alert).where(alert.c.episode == old).values(episode=kept))
        conn.execute(sa.delete(episode).where(episode.c.id == old))
    blind.drop(conn, [old for old, _ in redirects])
    if redirects:
        rows = [{"old": old, "kept": kept} for old, kept in redirects]
        conn.execute(upsert(conn, episode_redirect, ("kept",)), rows)


def write_changes(conn: sa.Connection, changes: Sequence[AlertChange]) -> None:
    """Store the alerts as they are now, and a line of history for each change that people can see."""
    if not changes:
        return
    conn.execute(upsert(conn, alert, _ALERT_CHANGES), [_alert_row(change.alert) for change in changes])
    events = [_event_row(change) for change in changes if change.is_visible]
    if events:
        conn.execute(_ADD_EVENT, events)


def _episode_row(item: EpisodeRecord, numbers: Mapping[tuple[str, str], int]) -> dict[str, object]:
    return {
        "id": item.episode_id,
        "patient": numbers[item.patient.key],
        "anchor_ms": item.anchor_ms,
        "created_at_ms": item.created_at_ms,
        "is_presumed": item.is_presumed,
        "is_current": True,
        "is_over": False,
        "record_keys": encode_keys(item.record_keys),
    }


def _alert_row(item: Alert) -> dict[str, object]:
    return {
        "id": item.alert_id,
        "episode": item.episode_id,
        "rule": item.rule,
        "status": item.status.value,
        "state": item.state.value,
        "severity": int(item.severity),
        "version": item.version,
        "raised_at_ms": item.raised_at_ms,
        "updated_at_ms": item.updated_at_ms,
        "document": encode_alert(item),
    }


def _event_row(change: AlertChange) -> dict[str, object]:
    return {
        "alert": change.alert.alert_id,
        "at_ms": change.alert.updated_at_ms,
        "version": change.alert.version,
        "state": change.alert.state.value,
        "severity": int(change.alert.severity),
        "reason": change.reason,
    }


def patients_watched(conn: sa.Connection, anchored_from_ms: int, after: int, limit: int) -> Sequence[int]:
    """Give patients with a standing LP of this instant or later, from the number after `after` on, sorted."""
    return conn.scalars(
        _WATCHED, {"anchored_from_ms": anchored_from_ms, "after": after, "limit": limit}
    ).all()


def newest_ms(conn: sa.Connection) -> int | None:
    """Give the instant of the newest LP that stands and is not over, None where there is none."""
    found: int | None = conn.scalar(_NEWEST)
    return found


def over_of(conn: sa.Connection, value: str) -> tuple[int, ...]:
    """Give the instants of LPs that are over, of all patients with this number, sorted."""
    found = (
        sa.select(episode.c.anchor_ms)
        .join(identifier, identifier.c.id == episode.c.patient)
        .where(identifier.c.value == value, episode.c.is_over)
    )
    return tuple(conn.scalars(found.order_by(episode.c.anchor_ms)))


def patients_over(
    conn: sa.Connection, anchored_before_ms: int, among: Sequence[int] | None = None
) -> Sequence[int]:
    """Give the patients, all or `among` some, whose last LP was before this instant and of whom nothing was received lately."""
    open_ones = sa.select(episode.c.patient).where(~episode.c.is_over).group_by(episode.c.patient)
    if among is not None:
        open_ones = open_ones.where(episode.c.patient.in_(among))
    last = sa.func.max(episode.c.anchor_ms)
    lately = sa.exists().where(recent_fact.c.patient == episode.c.patient)
    over = open_ones.having(last < anchored_before_ms).where(~lately)
    return conn.scalars(over.order_by(episode.c.patient).limit(MOST_LOCKS)).all()


def close_episodes(conn: sa.Connection, patients: Sequence[int]) -> None:
    """Take the LPs of these patients out of every later assessment."""
    blind.drop(conn, conn.scalars(_IDS, {"patients": list(patients)}))
    conn.execute(_CLOSE.values(is_current=False, is_over=True), {"patients": list(patients)})
