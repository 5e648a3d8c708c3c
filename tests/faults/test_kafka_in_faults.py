"""Everything around a Kafka worker dies and comes back: each message is counted once, and nobody is told twice."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from itertools import count

import pytest
import sqlalchemy as sa

from tests.integration.kafka_parts import PATIENCE_S, Worker, ended, hl7, send
from tests.topics import add_topic
from tools.kafka_local import KafkaLocal
from tools.postgres_local import PostgresLocal
from worker.model.message import Form
from worker.runtime.inlet import Room
from worker.storage.migrate import upgrade
from worker.storage.state import SqlState

pytestmark = [pytest.mark.integration, pytest.mark.slow]


class Died(BaseException):
    """The process is gone."""


class Mortal(Worker):
    """A worker that dies at a statement: nothing is committed, nobody says goodbye."""

    def die_at(self, statement: int) -> None:
        left = count(statement, -1)

        def tick(*_arguments: object) -> None:
            if next(left) == 0:
                raise Died

        for name in ("before_cursor_execute", "commit"):
            sa.event.listen(self.store._db._engine, name, tick)

    def die(self) -> None:
        self.store._db._conn.invalidate()
        self.store._db._engine.dispose()
        # Its socket closes with the process; the group hears of it when the session ends, and its heir need not wait.
        self.source.close()


def test_a_thousand_messages_are_counted_once_with_a_death_at_every_statement(
    kafka: str, new_topic: Callable[..., str], state_url: str
) -> None:
    topic = new_topic(partitions=2)
    send(kafka, topic, [hl7(number) for number in range(1_000)])
    deaths = 0
    for statement in count(1):
        worker = Mortal(kafka, "mortal" + topic, {topic: Form.HL7V2}, SqlState(state_url), room=Room(10))
        worker.until(lambda worker=worker: len(worker.owned) == 2)
        worker.die_at(statement)
        try:
            worker.until(lambda worker=worker: _total(worker) == 1_000)
        except Died:
            deaths += 1
            worker.die()
        else:
            worker.end()
            worker.store.close()
            break
    gc.collect()  # what the dead left is met here, not by a later test
    assert deaths >= 25
    store = SqlState(state_url)
    assert ended(store) == 1_000
    assert _offsets(store) == 1_000
    store.close()


def test_a_database_that_restarts_is_waited_for_by_a_member_of_the_group(
    kafka: str, new_topic: Callable[..., str], own_postgres: PostgresLocal
) -> None:
    url, topic = own_postgres.url(), new_topic(partitions=2)
    upgrade(url, "state")
    send(kafka, topic, [hl7(number) for number in range(300)])
    # A machine that stands still for seconds is none that says nothing.
    patient = {"session_timeout_ms": 30_000}
    worker = Worker(kafka, "pg" + topic, {topic: Form.HL7V2}, url, room=Room(20), **patient).start()
    store = SqlState(url)
    try:
        _eventually(lambda: ended(store) >= 100)
        life, rebalances = worker.source._consumer._coordinator.heartbeat, worker.heard.rebalances
        own_postgres.kill()
        killed_s = time.monotonic()
        send(kafka, topic, [hl7(number) for number in range(300, 600)])
        _eventually(lambda: min(life.last_receive, life.last_poll) > killed_s + 8)
        own_postgres.restart()
        _eventually(lambda: _total_of(url) == 600)
        time.sleep(1)
        assert _total_of(url) == 600
        assert worker.heard.rebalances == rebalances
    finally:
        worker.end()
        store.close()


def test_a_broker_that_is_killed_is_waited_for(own_kafka: KafkaLocal, state_url: str) -> None:
    bootstrap = own_kafka.bootstrap
    add_topic(bootstrap, "in")
    send(bootstrap, "in", [hl7(number) for number in range(300)])
    worker = Worker(bootstrap, "broker", {"in": Form.HL7V2}, state_url, room=Room(20)).start()
    store = SqlState(state_url)
    try:
        _eventually(lambda: ended(store) >= 100)
        own_kafka.kill()
        _eventually(lambda: "kafka does not answer" in worker.inlet.trouble)
        own_kafka.restart()
        send(bootstrap, "in", [hl7(number) for number in range(300, 500)])
        _eventually(lambda: ended(store) == 500)
        _eventually(lambda: worker.inlet.trouble == "")
        assert worker._thread.is_alive()
    finally:
        worker.end()
        store.close()


def test_a_worker_starts_before_its_broker_and_its_topic(own_kafka: KafkaLocal, state_url: str) -> None:
    own_kafka.kill()
    bootstrap = own_kafka.bootstrap
    worker = Worker(bootstrap, "early", {"late": Form.HL7V2}, state_url).start()
    store = SqlState(state_url)
    try:
        _eventually(lambda: worker.inlet.trouble != "")
        own_kafka.restart()
        _eventually(lambda: worker.source.is_connected)
        # What its own thread last asked for.
        _eventually(lambda: worker.engine._consumption._parts == {"kafka:late"})
        add_topic(bootstrap, "late", 3)
        send(bootstrap, "late", [hl7(number) for number in range(30)])
        _eventually(lambda: ended(store) == 30)
        _eventually(lambda: len(worker.engine._consumption._parts) == 3)
    finally:
        worker.end()
        store.close()


def _total(worker: Worker) -> int:
    return sum(position.next for position in worker.store.positions().values())


def _offsets(store: SqlState) -> int:
    return sum(position.next for position in store.positions().values())


def _total_of(url: str) -> int:
    store = SqlState(url)
    try:
        return ended(store)
    finally:
        store.close()


def _eventually(is_true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not is_true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)
