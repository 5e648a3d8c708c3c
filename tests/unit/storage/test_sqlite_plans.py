"""SQLite finds what a message costs by its indexes: the same of PostgreSQL is tried in tests/integration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.contract.state_values import ANNA, BEN, OPENING, T0, batch, fact, link, raising, states
from worker.model.time import DAY_MS
from worker.storage.migrate import upgrade
from worker.storage.schema import state
from worker.storage.state import SqlState


def is_scan(step: str) -> bool:
    kind, name, *_ = step.split()
    return kind == "SCAN" and name in state.tables


@contextmanager
def scans(store: SqlState) -> Iterator[list[str]]:
    """Gather the steps of statements that read a table or an index from end to end."""
    found: list[str] = []

    def explain(_conn: object, cursor: sa.CursorResult, statement: str, values: object, *_: object) -> None:
        if statement.startswith(("SELECT", "DELETE", "UPDATE")):
            cursor.execute(
                "EXPLAIN QUERY PLAN " + statement, values[0] if isinstance(values, list) else values
            )
            steps = [line[3] for line in cursor.fetchall()]
            found.extend(f"{step}: {statement}" for step in steps if is_scan(step))

    engine = store._db._engine
    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)


def test_what_a_message_costs_reads_no_table_from_end_to_end(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(url, "state")
    store, puncture = SqlState(url), fact(ANNA, "lumbar-puncture")
    with scans(store) as found:
        for at, said in enumerate((states(ANNA, 1), states(BEN, 2))):
            facts = [puncture, *said["facts"]]
            links = [link(ANNA, BEN, "merge", 0)]
            store.record(batch(at, *facts, claims=said["claims"], links=links))
            store._forget()
            assert store.assess(T0, OPENING, raising(puncture)).cases
        store.next_due_ms()
        store.pending("file", T0 + 9 * DAY_MS, 10)
    store.close()
    assert found == [], "\n\n".join(found)
