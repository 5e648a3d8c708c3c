"""A relay that dies at any statement, commit or send of a refusal: the smaller form is there once, the refusal is told once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import copy

import pytest
import sqlalchemy as sa

from tests.contract.state_values import ANNA, T0, batch, fact, judge, outgoing, raising
from tests.unit.runtime.topics import Topics, TopicSink
from worker.model.alert import Notice
from worker.runtime.clock import FixedClock
from worker.runtime.lease import HeldLease
from worker.runtime.relay import Relay
from worker.sinks.receipt import Shipment
from worker.storage.migrate import upgrade
from worker.storage.records import PendingNotice
from worker.storage.state import SqlState

LARGE = bytes(2_000)


class Died(BaseException):
    """Stands for the end of the process."""


def small(item: PendingNotice) -> PendingNotice | None:
    form = replace(item, kind="alert-minimal", notice=replace(item.notice, body=b"{}"))
    return form if item.kind == "alert" else None


def fill(url: str) -> None:
    store = SqlState(url, synchronous="OFF")
    puncture = fact(ANNA, "lumbar-puncture")
    store.record(batch(0, puncture))
    notices = [("a.1", "a", 1, LARGE), ("a.2", "a", 2, b"{}"), ("b.1", "b", 1, b"{}")]
    verdict = replace(
        raising(puncture)(None),  # type: ignore[arg-type]
        changes=(),
        notices=tuple(outgoing(Notice(*notice), "kafka", "all") for notice in notices),
    )
    judge(store, lambda _case: verdict)
    store.close()


def live(url: str, topics: Topics, owner: str, dies_at: int | None) -> int:
    """Let a relay work until nothing is left or its process dies; give how many moments it lived."""
    moments = 0

    def pass_moment(*_arguments: object) -> None:
        nonlocal moments
        moments += 1
        if moments == dies_at:
            raise Died

    def pass_send(_moment: str, _shipment: Shipment) -> None:
        pass_moment()

    store = SqlState(url, synchronous="OFF")
    engine = store._db._engine
    for name in ("before_cursor_execute", "commit"):
        sa.event.listen(engine, name, pass_moment)
    sink = TopicSink(topics, pass_send)
    lease = HeldLease(store, "relay kafka", owner, 10.0)
    relay = Relay(sink, store, FixedClock(T0), lease, log=sink, shrink=small)
    try:
        while (done := relay.step()).sent or done.refused:
            pass
        relay._lease.give_back()
    except Died:
        raw = store._db._conn.connection.dbapi_connection
        store._db._conn.invalidate()  # the connection goes as it is: nothing is committed on the way out
        raw.close()
    else:
        store.close()
    finally:
        engine.dispose()
    return moments


def end_lease(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as conn:
        conn.execute(sa.text("UPDATE lease SET until_ms = 0"))
    engine.dispose()


@pytest.mark.slow
def test_a_death_at_any_moment_of_a_refusal_leaves_it_told_once(tmp_path: Path) -> None:
    upgrade(f"sqlite:///{tmp_path / 'filled.db'}", "state")
    fill(f"sqlite:///{tmp_path / 'filled.db'}")
    whole = 0
    dies_at = 1
    while not whole or dies_at <= whole:
        url = f"sqlite:///{tmp_path / f'{dies_at}.db'}"
        copy(tmp_path / "filled.db", tmp_path / f"{dies_at}.db")
        topics = Topics()
        lived = live(url, topics, "first", dies_at)
        end_lease(url)
        live(url, topics, "second", None)
        assert sorted(topics.ids("all")) == ["a.1", "a.2", "b.1"], f"died at {dies_at}"
        assert topics.versions("all", "a") == [1, 2]
        store = SqlState(url, synchronous="OFF")
        assert [item.message_id for item in store.quarantined()] == ["a.1"], f"died at {dies_at}"
        assert store.count_waiting("kafka") == 0
        store.close()
        whole = lived if lived < dies_at else 0
        dies_at += 1
    assert whole > 20
