"""What a database plans to do for each statement that a store runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import sqlalchemy as sa

from worker.storage.state import SqlState

_EXPLAINED = ("SELECT", "UPDATE", "DELETE", "INSERT")


class Plan(NamedTuple):
    """A statement, and the steps by which it is carried out."""

    statement: str
    steps: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the steps with their statement below."""
        return "\n".join((*self.steps, self.statement))


@contextmanager
def explained(store: SqlState, command: str = "EXPLAIN") -> Iterator[list[Plan]]:
    """Note the plan of every statement that is run; `command` is how the dialect asks for one."""
    plans: list[Plan] = []

    def explain(_conn: object, cursor: sa.CursorResult, statement: str, values: object, *_: object) -> None:
        if statement.lstrip().upper().startswith(_EXPLAINED):
            cursor.execute(f"{command} {statement}", values[0] if isinstance(values, list) else values)
            plans.append(Plan(statement, tuple(row[-1] for row in cursor.fetchall())))

    engine = store._db._engine
    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)
