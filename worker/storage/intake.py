"""The journal of received messages: append-only, its row number is the offset, so that it plays the part of a topic."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from worker.model.message import Form, RawMessage
from worker.model.time import EpochMs
from worker.storage.database import Database
from worker.storage.dialect import Synchronous, open_database
from worker.storage.schema import journal


class SqlJournal:
    """Keep received messages in a SQL database; one thread appends, another may read through a journal of its own."""

    def __init__(self, url: str, *, synchronous: Synchronous = "FULL") -> None:
        """Open a migrated database."""
        self._db = Database(open_database(url, synchronous=synchronous))

    def append(self, messages: Sequence[RawMessage]) -> None:
        """Store messages durably, in this order, all or none.

        Raises: TemporaryError where the database is away, busy or full: nothing was stored.
        """
        rows = [
            {
                "received_at_ms": message.received_at_ms,
                "transport": message.transport,
                "form": message.form.value,
                "fault": message.fault,
                "body": message.body,
            }
            for message in messages
        ]
        if rows:
            with self._db.unit() as conn:
                conn.execute(sa.insert(journal), rows)

    def read(self, first: int, limit: int) -> tuple[tuple[int, RawMessage], ...]:
        """Read messages from an offset on, with their offsets, in the order in which they were stored."""
        with self._db.unit() as conn:
            rows = conn.execute(
                sa.select(journal).where(journal.c.id >= first).order_by(journal.c.id).limit(limit)
            ).all()
        return tuple(
            (row.id, RawMessage(row.body, Form(row.form), row.transport, row.received_at_ms, row.fault))
            for row in rows
        )

    def trim(self, before: int, received_before_ms: EpochMs) -> None:
        """Drop messages below an offset that were received before an instant."""
        with self._db.unit() as conn:
            conn.execute(
                sa.delete(journal).where(journal.c.id < before, journal.c.received_at_ms < received_before_ms)
            )

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()
