"""One connection used by one thread, in units of work that are written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from worker.model.errors import TemporaryError
from worker.storage.dialect import has_transaction, is_spoilt, is_temporary


class Database:
    """Run units of work on one connection.

    Shape: with `commit_every` above 1 this many units share one commit, each in its own savepoint. After a crash the
    database holds the units up to some commit: a prefix of what was done, positions included.
    """

    def __init__(self, engine: sa.Engine, *, commit_every: int = 1) -> None:
        """Keep the engine; `on_undo` is called after a unit was taken back, for caches of what it wrote.

        Raises: TemporaryError where the database is away.
        """
        self._engine = engine
        try:
            self._conn = engine.connect()
        except DBAPIError as error:
            self._raise_temporary(error)
            raise
        self._commit_every = commit_every
        self._open_units = 0
        self.on_undo: Callable[[], None] = _nothing

    @property
    def shares_commits(self) -> bool:
        """Tell whether a unit that is done may still wait for its commit."""
        return self._commit_every > 1

    @contextmanager
    def unit(self) -> Iterator[sa.Connection]:
        """Open a unit of work; an exception takes it back.

        Raises: TemporaryError where the database is away, busy or full; the same unit may be tried again.
        """
        try:
            with self._savepoint() as conn:
                yield conn
        except BaseException as error:
            self._undo()
            self._raise_temporary(error)
            raise
        self._open_units += 1
        if self._open_units >= self._commit_every:
            self.commit()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Read what is written so far, shared commits included.

        Raises: TemporaryError where the database is away, busy or full.
        """
        try:
            yield self._conn
        except DBAPIError as error:
            if is_spoilt(self._conn):
                self._take_back_all()
                self.on_undo()
            self._raise_temporary(error)
            raise
        finally:
            if self._commit_every == 1:
                with self._forgiving():
                    self._conn.rollback()

    def commit(self) -> None:
        """Make the units that wait for their commit durable.

        Raises: TemporaryError where the database is away, busy or full: the units are taken back and may be done again.
        """
        try:
            self._conn.commit()
        except DBAPIError as error:
            self._take_back_all()
            self.on_undo()
            self._raise_temporary(error)
            raise
        self._open_units = 0

    def close(self) -> None:
        """Commit what waits, and close the connection."""
        try:
            self.commit()
        finally:
            self._conn.close()
            self._engine.dispose()

    @contextmanager
    def _savepoint(self) -> Iterator[sa.Connection]:
        if self._commit_every == 1:
            yield self._conn
            return
        # Written out: SQLAlchemy's own savepoints take ten times as long as these.
        self._conn.exec_driver_sql("SAVEPOINT unit")
        try:
            yield self._conn
        except BaseException:
            if has_transaction(self._conn):
                self._conn.exec_driver_sql("ROLLBACK TO SAVEPOINT unit")
                self._conn.exec_driver_sql("RELEASE SAVEPOINT unit")
            raise
        self._conn.exec_driver_sql("RELEASE SAVEPOINT unit")

    def _undo(self) -> None:
        # With a shared commit the savepoint took the unit back already; the units before it stay, unless the transaction
        # went: then all since the last commit is to be done again, from the position that is stored.
        if self._commit_every == 1 or not has_transaction(self._conn):
            self._take_back_all()
        self.on_undo()

    def _take_back_all(self) -> None:
        self._open_units = 0
        with self._forgiving():
            self._conn.rollback()
            if not self._conn.invalidated and not self._conn.closed:
                # After a commit that failed SQLAlchemy holds the transaction for ended, the driver may not.
                self._conn.connection.rollback()

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        """Take something back; where the server cannot be told any more, it has taken back everything itself."""
        try:
            yield
        except (DBAPIError, self._engine.dialect.loaded_dbapi.Error):
            self._conn.invalidate()

    def _raise_temporary(self, error: BaseException) -> None:
        if isinstance(error, DBAPIError) and is_temporary(error):
            raise TemporaryError("database is away, busy, full or cannot be written to", "storage") from error


def _nothing() -> None:
    return None
