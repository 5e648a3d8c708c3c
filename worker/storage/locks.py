"""Locks of a transaction on patients and on chores, where several workers share a database; elsewhere everybody has them.

Source: PostgreSQL 15, "Explicit Locking", advisory locks. A patient's lock is his number alone; a chore's lock is a pair, which
PostgreSQL keeps apart from single numbers. All are let go at the end of the transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import IntEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from worker.storage.dialect import has_many_writers

MOST_LOCKS = 1_000
"""How many patients one transaction locks, or reads where there is nothing to lock: far below the 6,400 and more locks that
PostgreSQL has room for as it is installed."""

_CHORES = 0x6C70  # "lp"

_TRY = sa.text(
    "SELECT wanted.number FROM unnest(:numbers) WITH ORDINALITY AS wanted (number, at)"
    " WHERE pg_try_advisory_xact_lock(wanted.number)"
).bindparams(sa.bindparam("numbers", type_=ARRAY(sa.BigInteger)))
_TRY_CHORE = sa.text("SELECT pg_try_advisory_xact_lock(:chores, :chore)")
_WAIT_CHORE = sa.text("SELECT pg_advisory_xact_lock(:chores, :chore)")


class Chore(IntEnum):
    """Work on the database itself that one at a time does."""

    MIGRATE = 1
    ADD_DAYS = 2
    DROP_DAYS = 3


def hold(conn: sa.Connection, groups: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Lock patients, and give the groups all of whose members are locked.

    Shape: groups that share nobody, each sorted. The others are busy, or too many for one transaction: later. The first
    members are tried first, so that of several that want one group one has it.
    """
    groups = _few(groups)
    if not has_many_writers(conn):
        return groups
    firsts = _try(conn, [group[0] for group in groups])
    ours = [group for group in groups if group[0] in firsts]
    rest = _try(conn, [number for group in ours for number in group[1:]])
    return [group for group in ours if rest.issuperset(group[1:])]


def _few(groups: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Give the first groups that make no more than `MOST_LOCKS`, one at least."""
    total = 0
    few: list[tuple[int, ...]] = []
    for group in groups:
        total += len(group)
        if few and total > MOST_LOCKS:
            break
        few.append(group)
    return few


def _try(conn: sa.Connection, numbers: Collection[int]) -> set[int]:
    return set(conn.scalars(_TRY, {"numbers": sorted(numbers)})) if numbers else set()


def try_chore(conn: sa.Connection, chore: Chore) -> bool:
    """Take a chore unless somebody else is at it."""
    return not has_many_writers(conn) or bool(conn.scalar(_TRY_CHORE, {"chores": _CHORES, "chore": chore}))


def await_chore(conn: sa.Connection, chore: Chore) -> None:
    """Take a chore; who is at it is waited for."""
    if has_many_writers(conn):
        conn.execute(_WAIT_CHORE, {"chores": _CHORES, "chore": chore})
