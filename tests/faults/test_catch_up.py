"""A backlog that is read after a long standstill: nothing is cleaned away before those are read for whom it counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.integration.kafka_parts import Worker, ended, send
from tests.integration.messages import puncture, temperature
from worker.model.message import Form
from worker.model.time import DAY_MS, HOUR_MS
from worker.runtime.clock import WallClock
from worker.runtime.inlet import Room
from worker.runtime.offline import load_pack, program
from worker.storage.state import SqlState

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("days", [9, 25])
def test_facts_of_a_backlog_are_there_when_its_lp_is_read(
    kafka: str, new_topic: Callable[..., str], state_url: str, days: int
) -> None:
    topic, other = new_topic(), new_topic()
    began_ms = WallClock().now_ms() - days * DAY_MS
    _send(kafka, topic, temperature("m1", _at(began_ms + 4 * HOUR_MS), "38.9"), began_ms + 5 * HOUR_MS)
    _send(kafka, other, puncture("m2", _at(began_ms)), began_ms + 30 * HOUR_MS)
    with_one = Worker(kafka, topic, {topic: Form.HL7V2}, state_url, program(load_pack()), room=Room(1))
    store = SqlState(state_url)
    try:
        store.note_caught_up({f"kafka:{other}:0": began_ms})  # others read it, until the standstill
        with_one.until(lambda: ended(store) == 1)
        with_one.engine._cleaning._next_ms = 0  # midnight passes
        with_one.engine.step()
        with_two = Worker(kafka, other, {other: Form.HL7V2}, state_url, program(load_pack()), room=Room(1))
        with_two.until(lambda: ended(store) == 2)
        with_two.end()
        assert [record.alert.rule for record in store.alerts()] == ["fever-single"]
    finally:
        with_one.end()
        store.close()


def _send(kafka: str, topic: str, framed: bytes, received_at_ms: int) -> None:
    send(
        kafka, topic, [framed.strip(b"\x0b\x1c\r")], headers=[("lpwatch-received-at", b"%d" % received_at_ms)]
    )


def _at(instant_ms: int) -> str:
    return datetime.fromtimestamp(instant_ms / 1_000, UTC).strftime("%Y%m%d%H%M%S")
