"""Leases: who may do what only one may do, by the clock of the database, which all see alike."""

from __future__ import annotations

import sqlalchemy as sa

from worker.storage.dialect import now_ms, take_over
from worker.storage.schema import lease

_MS = 1_000


def take(conn: sa.Connection, name: str, owner: str, seconds: float) -> bool:
    """Take a lease that is free or over, or renew one's own; False where somebody else has it."""
    now = now_ms(conn)
    row = {"name": name, "owner": owner, "until_ms": now + round(seconds * _MS)}
    is_mine_or_over = sa.or_(lease.c.owner == owner, lease.c.until_ms <= now)
    statement = take_over(conn, lease, row, is_mine_or_over)
    return conn.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1


def give_back(conn: sa.Connection, name: str, owner: str) -> None:
    """Give up a lease; somebody else's stays."""
    conn.execute(sa.delete(lease).where(lease.c.name == name, lease.c.owner == owner))
