"""For how long the rules of each LP are blind: rows of instants, written by whoever judges the LP, counted by whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa

from worker.model.time import EpochMs
from worker.storage.dialect import one_of
from worker.storage.records import BlindSpan
from worker.storage.schema import blind_spot, episode

_OF = sa.select(blind_spot).where(one_of(blind_spot.c.episode, "episodes")).order_by(blind_spot.c.kind)
_DROP = sa.delete(blind_spot).where(one_of(blind_spot.c.episode, "episodes"))
_ADD = sa.insert(blind_spot)
_COUNT = (
    sa.select(blind_spot.c.kind, sa.func.count().label("n"))
    .join(episode, episode.c.id == blind_spot.c.episode)
    .where(
        blind_spot.c.until_ms > sa.bindparam("now_ms"),
        blind_spot.c.from_ms <= sa.bindparam("now_ms"),
        episode.c.is_current,
        ~episode.c.is_over,
    )
    .group_by(blind_spot.c.kind)
)


def read(conn: sa.Connection, episodes: Collection[str]) -> Mapping[str, tuple[BlindSpan, ...]]:
    """Read the spans of these LPs, by LP, then kind; who has none is missing."""
    found: dict[str, tuple[BlindSpan, ...]] = {}
    if episodes:
        for row in conn.execute(_OF, {"episodes": list(episodes)}):
            found[row.episode] = (
                *found.get(row.episode, ()),
                BlindSpan(row.kind, row.from_ms, row.until_ms),
            )
    return found


def write(
    conn: sa.Connection,
    stored: Mapping[str, tuple[BlindSpan, ...]],
    current: Mapping[str, tuple[BlindSpan, ...]],
) -> None:
    """Write the spans of the LPs for which they changed; what is not among `current` has none any more."""
    changed = sorted(name for name in {*stored, *current} if stored.get(name, ()) != current.get(name, ()))
    if not changed:
        return
    if had := [name for name in changed if name in stored]:
        conn.execute(_DROP, {"episodes": had})
    rows = [
        {"episode": name, "kind": span.kind, "from_ms": span.from_ms, "until_ms": span.until_ms}
        for name in changed
        for span in current.get(name, ())
    ]
    if rows:
        conn.execute(_ADD, rows)


def drop(conn: sa.Connection, episodes: Iterable[str]) -> None:
    """Drop the spans of LPs that are over."""
    if names := sorted(episodes):
        conn.execute(_DROP, {"episodes": names})


def count(conn: sa.Connection, now_ms: EpochMs) -> dict[str, int]:
    """Count the LPs that are blind at an instant, by kind."""
    return {row.kind: row.n for row in conn.execute(_COUNT, {"now_ms": now_ms})}
