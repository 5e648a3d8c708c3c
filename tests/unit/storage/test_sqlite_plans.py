"""SQLite finds what a message costs by its indexes: the same of PostgreSQL is tried in tests/integration."""

from __future__ import annotations

from pathlib import Path

from tests.contract.state_values import ANNA, BEN, OPENING, T0, batch, fact, link, raising, states
from tests.plans import explained
from worker.model.time import DAY_MS
from worker.storage.migrate import upgrade
from worker.storage.schema import state
from worker.storage.state import SqlState


def is_scan(step: str) -> bool:
    kind, name, *_ = step.split()
    return kind == "SCAN" and name in state.tables


def test_what_a_message_costs_reads_no_table_from_end_to_end(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(url, "state")
    store, puncture = SqlState(url), fact(ANNA, "lumbar-puncture")
    with explained(store, "EXPLAIN QUERY PLAN") as plans:
        for at, said in enumerate((states(ANNA, 1), states(BEN, 2))):
            facts = [puncture, *said["facts"]]
            links = [link(ANNA, BEN, "merge", 0)]
            store.record(batch(at, *facts, claims=said["claims"], links=links))
            store._forget()
            assert store.assess(T0, OPENING, raising(puncture)).cases
        store.next_due_ms()
        store.pending("file", T0 + 9 * DAY_MS, 10)
    store.close()
    assert len(plans) > 15
    scanned = [plan.text for plan in plans if any(map(is_scan, plan.steps))]
    assert scanned == [], "\n\n".join(scanned)
