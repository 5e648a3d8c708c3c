"""The journal of received messages: append-only, its row number is the offset, so that it plays the part of a topic."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from worker.model.errors import TemporaryError
from worker.model.message import Form, RawMessage
from worker.model.time import EpochMs
from worker.storage.database import Database
from worker.storage.dialect import Synchronous, driver_connection, driver_insert, last_number, open_database
from worker.storage.schema import journal

_MAX_SIZE = 8 * 1024 * 1024
_COLUMNS = ("received_at_ms", "transport", "form", "fault", "body")


class SqlJournal:
    """Keep received messages in a SQL database; one thread appends, another may read through a journal of its own."""

    def __init__(self, url: str, *, synchronous: Synchronous = "FULL") -> None:
        """Open a migrated database."""
        engine = open_database(url, synchronous=synchronous)
        self._db = Database(engine)
        # Senders wait for `append`: one commit there costs about as much as SQLAlchemy's way to it.
        self._driver = driver_connection(engine)
        self._insert = driver_insert(engine, journal, _COLUMNS)

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
        if not rows:
            return
        try:
            self._driver.cursor().executemany(self._insert, rows)
            self._driver.commit()
        except Exception as error:
            self._driver.rollback()
            raise TemporaryError("journal cannot be written", "storage") from error

    def read(self, first: int, limit: int, max_size: int = _MAX_SIZE) -> tuple[tuple[int, RawMessage], ...]:
        """Read messages from an offset on, with their offsets, in the order in which they were stored.

        Shape: none after `max_size` bytes were read, so that hundreds of the largest messages do not fill the memory.
        """
        entries: list[tuple[int, RawMessage]] = []
        size = 0
        with self._db.reading() as conn:
            rows = conn.execute(
                sa.select(journal).where(journal.c.id >= first).order_by(journal.c.id).limit(limit)
            )
            for row in rows:
                message = RawMessage(row.body, Form(row.form), row.transport, row.received_at_ms, row.fault)
                entries.append((row.id, message))
                size += len(row.body)
                if size >= max_size:
                    break
            rows.close()
        return tuple(entries)

    def trim(self, before: int, received_before_ms: EpochMs) -> None:
        """Drop messages below an offset that were received before an instant."""
        with self._db.unit() as conn:
            conn.execute(
                sa.delete(journal).where(journal.c.id < before, journal.c.received_at_ms < received_before_ms)
            )

    def end(self) -> int:
        """Give the offset that the next message will have at least: how far there is to read."""
        with self._db.reading() as conn:
            return (conn.scalar(sa.select(sa.func.max(journal.c.id))) or 0) + 1

    def continue_at(self, first: int) -> bool:
        """Let the next message have at least this offset; False where the journal has given fewer than that.

        A journal that was deleted, or put back from an older copy, would give offsets that were consumed long ago: its
        messages would be acknowledged and never read.
        """
        with self._db.unit() as conn:
            if last_number(conn, journal) + 1 >= first:
                return True
            place = {
                "id": first - 1,
                "received_at_ms": 0,
                "transport": "",
                "form": "",
                "fault": "",
                "body": b"",
            }
            conn.execute(sa.insert(journal), place)
            conn.execute(sa.delete(journal).where(journal.c.id == first - 1))
        return False

    def close(self) -> None:
        """Let go of the database."""
        self._driver.close()
        self._db.close()
