"""How far each part of the journal is consumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from worker.model.time import EpochMs
from worker.storage.dialect import insert_new, upsert
from worker.storage.records import Batch, Position
from worker.storage.schema import meta, position

_MOVE = sa.update(position).where(
    position.c.part == sa.bindparam("here"), position.c.next == sa.bindparam("first")
)
_MARK = sa.select(meta.c.value).where(meta.c.key == sa.bindparam("here"))
_COUNTING = {"preserve_rowcount": True}
_LOG = "log "
_STANDING = sa.select(position, meta.c.value.label("log")).select_from(
    position.outerjoin(meta, meta.c.key == sa.literal(_LOG) + position.c.part)
)
_LATEST = sa.select(sa.func.max(position.c.at_ms))


def read(conn: sa.Connection, part: str) -> Position:
    """Tell how far one part is consumed; one that nobody consumed begins at 0."""
    row = conn.execute(_STANDING.where(position.c.part == part)).one_or_none()
    return Position() if row is None else _position(row)


def read_all(conn: sa.Connection) -> dict[str, Position]:
    """Tell how far every part is consumed."""
    rows = conn.execute(_STANDING.order_by(position.c.part))
    return {row.part: _position(row) for row in rows}


def _position(row: sa.Row[Any]) -> Position:
    return Position(row.next, row.at_ms, row.caught_up_ms, row.log or "")


def latest_ms(conn: sa.Connection) -> EpochMs:
    """Give the receipt time of the last message consumed of any part, 0 for none."""
    return conn.scalar(_LATEST) or 0


def advance(conn: sa.Connection, batches: Sequence[Batch]) -> bool:
    """Move the positions of these parts, in this order, by compare-and-set; False where one is not where its batch begins."""
    if new := [_row(batch.part) for batch in batches if batch.first == 0]:
        conn.execute(insert_new(conn, position), new)
    moves = [
        {"here": batch.part, "first": batch.first, "next": batch.next, "at_ms": batch.at_ms}
        for batch in batches
    ]
    return conn.execute(_MOVE, moves, execution_options=_COUNTING).rowcount == len(moves)


def begin(conn: sa.Connection, part: str, next_: int) -> None:
    """Set the position of a part that nobody ever consumed; one that somebody did stays where it is."""
    conn.execute(insert_new(conn, position), {**_row(part), "next": next_})


def has_begun(conn: sa.Connection, source: str) -> bool:
    """Tell whether somebody began with a source: by `begin_all`, or by consuming one of its parts."""
    if conn.scalar(_MARK, {"here": _mark(source)}) is not None:
        return True
    was_read = sa.or_(position.c.at_ms > 0, position.c.caught_up_ms > 0)
    is_part = position.c.part.startswith(f"{source}:", autoescape=True)
    return conn.scalar(sa.select(sa.literal(1)).where(is_part, was_read).limit(1)) is not None


def begin_all(conn: sa.Connection, source: str, parts: Mapping[str, int]) -> bool:
    """Set the positions of all parts of a source that nobody began with; False, and nothing written, where somebody did.

    Of two that come at once the second waits for the first. A position that an operator set before stays where it is.
    """
    if has_begun(conn, source):
        return False
    mark = {"key": _mark(source), "value": "begun"}
    if conn.execute(insert_new(conn, meta), mark, execution_options=_COUNTING).rowcount != 1:
        return False
    for part, next_ in sorted(parts.items()):
        begin(conn, part, next_)
    return True


def _mark(source: str) -> str:
    return f"begun {source}"


def note_log(conn: sa.Connection, part: str, log: str) -> None:
    """Note in which log the position of a part counts, where nobody did."""
    conn.execute(insert_new(conn, meta), {"key": _LOG + part, "value": log})


def move(conn: sa.Connection, part: str, next_: int, log: str = "") -> None:
    """Set the position of a part, whatever it is, in a log (unnamed: in the one met next): for operators."""
    conn.execute(upsert(conn, position, ("next",)), {**_row(part), "next": next_})
    if log:
        conn.execute(upsert(conn, meta, ("value",)), {"key": _LOG + part, "value": log})
    else:
        conn.execute(sa.delete(meta).where(meta.c.key == _LOG + part))


def note_caught_up(conn: sa.Connection, parts: Mapping[str, EpochMs]) -> None:
    """Note when nothing of these parts was left to read; the instant of a part never falls."""
    rows = [{**_row(part), "caught_up_ms": at_ms} for part, at_ms in sorted(parts.items())]
    if rows:
        newest = ("caught_up_ms",)
        conn.execute(upsert(conn, position, newest, newer=newest), rows)


def _row(part: str) -> dict[str, object]:
    return {"part": part, "next": 0, "at_ms": 0, "caught_up_ms": 0}
