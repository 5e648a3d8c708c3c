"""Work for many patients that one of them cannot spoil: what fails is taken back and done by halves, until he is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

import sqlalchemy as sa

from worker.storage.dialect import has_transaction, is_about_data

R = TypeVar("R")
Group: TypeAlias = tuple[int, ...]

_MOST_SUSPECTS = 1_000


@dataclass(frozen=True, slots=True)
class Parted(Generic[R]):
    """What became of the groups: the result of each portion that went well, and the error of each group that failed."""

    results: tuple[R, ...] = ()
    failed: Mapping[Group, Exception] = field(default_factory=dict)

    def __add__(self, other: Parted[R]) -> Parted[R]:
        """Add up two portions."""
        return Parted(self.results + other.results, {**self.failed, **other.failed})


class Halving:
    """Work on groups of patients inside one transaction, whose locks stay held.

    Who failed is remembered, and goes alone until he succeeds: the others are not done twice because of him.
    """

    def __init__(self, on_undo: Callable[[], None]) -> None:
        """Suspect nobody; `on_undo` is called after work was taken back, for caches of what it wrote."""
        self._on_undo = on_undo
        self._suspects: set[int] = set()

    def run(
        self, conn: sa.Connection, groups: Sequence[Group], work: Callable[[Sequence[Group]], R]
    ) -> Parted[R]:
        """Do work on these groups, together where that goes well.

        Shape: `work` is called for portions of the groups, and may be called again for some of one that failed.
        Raises: what has nothing to do with what the groups hold: the database is away, or not the one that we know.
        """
        trusted = [group for group in groups if group[0] not in self._suspects]
        done: Parted[R] = self._halve(conn, trusted, work) if trusted else Parted()
        for group in groups:
            if group[0] in self._suspects and group not in done.failed:
                done += self._halve(conn, [group], work)
        self._suspects.update(group[0] for group in done.failed)
        if len(self._suspects) > _MOST_SUSPECTS:
            self._suspects.clear()
        return done

    def acquit(self, groups: Sequence[Group]) -> None:
        """Let these go with the others again."""
        self._suspects.difference_update(group[0] for group in groups)

    def _halve(
        self, conn: sa.Connection, groups: Sequence[Group], work: Callable[[Sequence[Group]], R]
    ) -> Parted[R]:
        try:
            with _undoing(conn):
                return Parted((work(groups),))
        except (
            Exception
        ) as error:  # whatever one patient's data make us or the database raise, the others are done
            if not has_transaction(conn) or not is_about_data(error):
                raise
            self._on_undo()
            if len(groups) == 1:
                return Parted(failed={groups[0]: error})
        half = len(groups) // 2
        return self._halve(conn, groups[:half], work) + self._halve(conn, groups[half:], work)


@contextmanager
def _undoing(conn: sa.Connection) -> Iterator[None]:
    """Take back what was done inside, and nothing more, where it fails."""
    # Written out, as in `database`.
    conn.exec_driver_sql("SAVEPOINT portion")
    try:
        yield
    except Exception:
        if has_transaction(conn):
            conn.exec_driver_sql("ROLLBACK TO SAVEPOINT portion")
            conn.exec_driver_sql("RELEASE SAVEPOINT portion")
        raise
    conn.exec_driver_sql("RELEASE SAVEPOINT portion")
