"""Hear of notices as soon as they are committed, whoever wrote them: NOTIFY and LISTEN of PostgreSQL; nothing on SQLite.

Source: PostgreSQL 15, "NOTIFY": it is told when the transaction commits, to sessions that listen by then, and kept for nobody.
So who listens looks into the outbox once after it began to listen, and now and then in any case.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Collection, Iterator
from contextlib import suppress
from time import monotonic
from typing import Protocol, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from worker.storage.dialect import has_many_writers, open_database

_CHANNEL = "lpwatch_outbox"
_DEAF_S = 0.2
_RETRY_S = 5.0
_MS = 1_000
_RINGS = 4_096

_TELL = sa.text(
    f"SELECT pg_notify('{_CHANNEL}', told.sink) FROM unnest(:sinks) AS told (sink)"  # noqa: S608 - a constant
).bindparams(sa.bindparam("sinks", type_=ARRAY(sa.Text)))


def tell(conn: sa.Connection, sinks: Collection[str]) -> None:
    """Tell whoever listens, when this transaction has committed, that there are notices for these sinks."""
    if has_many_writers(conn):
        conn.execute(_TELL, {"sinks": sorted(sinks)})


class _Notification(Protocol):
    """What psycopg tells of a NOTIFY."""

    @property
    def payload(self) -> str: ...


class _Listening(Protocol):
    """The part of psycopg's connection that listening touches."""

    def fileno(self) -> int: ...

    def notifies(self, *, timeout: float) -> Iterator[_Notification]: ...


class OutboxBell:
    """Wake the relay of one sink when notices for it were committed, by a connection of its own; see `runtime.bell`.

    Shape: `wait` and `rest` are for one thread. A connection that fails is opened again with a later `wait`; until then, and
    while the server has none left for us, `wait` takes no longer than a fifth of a second.
    """

    def __init__(self, url: str, sink: str) -> None:
        """Keep the database and the sink; the first `wait` connects."""
        self._engine = open_database(url)
        self._sink = sink
        self._conn: sa.Connection | None = None
        self._failed_s: float | None = None
        self._ear, self._clapper = socket.socketpair()
        self._ear.settimeout(0)
        self._clapper.settimeout(0)

    def ring(self) -> None:
        """Wake who waits; from any thread."""
        with suppress(BlockingIOError):  # so full of rings that one more changes nothing
            self._clapper.send(b"\0")

    def wait(self, seconds: float) -> None:
        """Wait until it is rung, notices were written, or the time is over; not at all where we only begin to listen."""
        if self._conn is None:
            if self._listen():
                return
            seconds = min(seconds, _DEAF_S)
        ends_s = monotonic() + seconds
        while (left_s := ends_s - monotonic()) > 0 and not self._hears(left_s):
            pass

    def rest(self, seconds: float) -> None:
        """Wait until it is rung, or the time is over; let go of the connection."""
        self._leave()
        self._hears(seconds)

    def close(self) -> None:
        """Let go of everything."""
        self._leave()
        self._engine.dispose()
        self._ear.close()
        self._clapper.close()

    def _listen(self) -> bool:
        if self._failed_s is not None and monotonic() - self._failed_s < _RETRY_S:
            return False
        try:
            self._conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._conn.exec_driver_sql(f"LISTEN {_CHANNEL}")
        except DBAPIError:
            self._fail()
            return False
        self._failed_s = None
        return True

    def _hears(self, seconds: float) -> bool:
        """Tell whether it was rung, or there may be notices; False when others' news came, or the time is over."""
        driver = self._driver
        poll = select.poll()
        poll.register(self._ear, select.POLLIN)
        try:
            if driver is not None:
                poll.register(driver.fileno(), select.POLLIN)
            ready = {number for number, _ in poll.poll(seconds * _MS)}
            is_rung = self._ear.fileno() in ready
            if is_rung:
                self._silence()
            is_told = driver is not None and len(ready) > is_rung and self._has_news(driver)
        except self._errors:
            self._fail()
            return True
        return is_rung or is_told

    def _has_news(self, driver: _Listening) -> bool:
        return self._sink in {told.payload for told in driver.notifies(timeout=0)}

    def _silence(self) -> None:
        with suppress(BlockingIOError):
            while self._ear.recv(_RINGS):
                pass

    @property
    def _driver(self) -> _Listening | None:
        if self._conn is None:
            return None
        # SQLAlchemy knows connections of drivers by what all of them have.
        return cast("_Listening", self._conn.connection.dbapi_connection)

    @property
    def _errors(self) -> type[Exception]:
        return self._engine.dialect.loaded_dbapi.Error

    def _fail(self) -> None:
        self._failed_s = monotonic()
        self._leave()

    def _leave(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(DBAPIError):
                conn.invalidate()
                conn.close()
