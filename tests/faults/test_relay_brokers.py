"""A relay meets brokers that die, halt, lag behind or say no, and a database that goes away."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from tests.integration.alert_topics import SINK, SOURCE, check_copies, put, read_topic, relay_of
from tests.topics import make_topic
from tools.kafka_local import FAST_RESTART, NEVER_KILLED, KafkaLocal
from tools.postgres_local import PostgresLocal
from worker.runtime.relay import Relay
from worker.sinks.kafka import KafkaSink
from worker.storage.migrate import upgrade
from worker.storage.state import SqlState

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DONE_S = 240.0
# As long as relays wait outside of tests: what lies in a broker's socket is to be on the topic by then.
SETTLE_S = 0.5
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(made, "state")
    return made


@pytest.fixture
def store(url: str) -> Iterator[SqlState]:
    opened = SqlState(url)
    yield opened
    opened.close()


@pytest.fixture
def running() -> Iterator[Callable[[Relay], None]]:
    """Give a function that lets a relay run in a thread to the end of the test."""
    stop = Event()
    threads: list[Thread] = []
    relays: list[Relay] = []

    def run(relay: Relay) -> None:
        thread = Thread(target=relay.run, args=[stop], kwargs={"idle_s": 0.02, "retry_s": 0.2})
        thread.start()
        threads.append(thread)
        relays.append(relay)

    yield run
    stop.set()
    for thread in threads:
        thread.join()
    for relay in relays:
        relay._store.close()


def wait_until_sent(store: SqlState, waiting: int = 0) -> None:
    end_s = time.monotonic() + DONE_S
    while store.count_waiting(SINK) > waiting:
        assert time.monotonic() < end_s, "notices wait for ever"
        time.sleep(0.05)


def step_until_sent(relay: Relay, store: SqlState) -> None:
    end_s = time.monotonic() + DONE_S
    while store.count_waiting(SINK):
        assert time.monotonic() < end_s, "notices wait for ever"
        relay.step()
        time.sleep(0.1)


def rows(topic: str, turn: int) -> list[tuple[str, str, int]]:
    return [(topic, "old", turn + 1), *((topic, f"new{turn}-{number}", 1) for number in range(30))]


def ids(turns: int) -> list[str]:
    return [f"{alert}.{version}" for turn in range(turns) for _, alert, version in rows("", turn)]


def test_a_broker_that_is_killed_in_the_middle_of_sends(
    store: SqlState, url: str, own_kafka: KafkaLocal, running: Callable[[Relay], None]
) -> None:
    topic = make_topic(own_kafka.bootstrap, 3)
    running(relay_of(SqlState(url), own_kafka.bootstrap, timeout_s=2.0))
    for turn in range(8):
        put(store, rows(topic, turn))
        time.sleep(0.15)
        if turn % 3 == 1:
            put(store, [(topic, f"more{turn}-{number}", 1) for number in range(60)])
            own_kafka.kill()
            time.sleep(0.5 if turn < 4 else 3.0)
            own_kafka.restart()
    wait_until_sent(store)
    more = [f"more{turn}-{number}.1" for turn in (1, 4, 7) for number in range(60)]
    check_copies(read_topic(own_kafka.bootstrap, topic), [*ids(8), *more])


def test_a_broker_that_halts_with_a_send_under_way_and_takes_it_when_it_wakes(
    store: SqlState, url: str, own_kafka: KafkaLocal, running: Callable[[Relay], None]
) -> None:
    topic = make_topic(own_kafka.bootstrap, 2)
    running(relay_of(SqlState(url), own_kafka.bootstrap, timeout_s=2.0, settle_s=SETTLE_S))
    put(store, rows(topic, 0))
    wait_until_sent(store)
    for turn in range(1, 5):
        os.kill(own_kafka.pids[1], signal.SIGSTOP)
        # What is sent now lies in the broker's socket until it wakes, long after the relay has given it up.
        put(store, rows(topic, turn))
        time.sleep(4.0)
        os.kill(own_kafka.pids[1], signal.SIGCONT)
        wait_until_sent(store)
    check_copies(read_topic(own_kafka.bootstrap, topic), ids(5))


def test_a_record_that_a_replica_has_not_taken_yet_is_not_sent_again(store: SqlState) -> None:
    """Asked as a consumer asks (`kafka_log._OBSERVER = -1`), the leader hides the record, and it is sent twice: ADR 0012."""
    # The replica counts as one for 15 s although it halts; until then nobody may read what it has not taken.
    config = {**FAST_RESTART, "broker.session.timeout.ms": "15000"}
    with KafkaLocal(3, config=config) as brokers:
        leader, *_ = brokers.bootstrap.split(",")
        admin = KafkaAdminClient(bootstrap_servers=leader)
        wanted = {"assignments": {0: [1, 2]}, "configs": {"min.insync.replicas": "1"}}
        admin.create_topics({"alerts": wanted})
        admin.wait_for_topics(["alerts"])
        admin.close()
        relay = relay_of(store, leader, timeout_s=3.0)
        put(store, [("alerts", "a", 1)])
        step_until_sent(relay, store)
        put(store, [("alerts", "b", 1)])
        os.kill(brokers.pids[2], signal.SIGSTOP)
        try:
            step_until_sent(relay, store)
        finally:
            os.kill(brokers.pids[2], signal.SIGCONT)
            relay._sink.close()
        found = [record.id for record in read_topic(brokers.bootstrap, "alerts")]
    assert found == ["a.1", "b.1"]


def test_a_topic_that_we_may_not_write_holds_up_no_other(
    store: SqlState, url: str, running: Callable[[Relay], None]
) -> None:
    config = {
        **NEVER_KILLED,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": f"{SCRAM} required;",
    }
    with KafkaLocal(config=config, listeners={"SASL": "SASL_PLAINTEXT"}, scram={"relay": "secret"}) as broker:
        topics = [make_topic(broker.bootstrap) for _ in range(3)]
        allow(broker, topics[0], ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE)
        allow(broker, topics[1], ACLOperation.READ, ACLOperation.DESCRIBE)
        options = {
            "bootstrap_servers": broker.bootstrap_of("SASL"),
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "relay",
            "sasl_plain_password": "secret",
        }
        sink = KafkaSink(options, SOURCE, timeout_s=3.0, settle_s=0.05)
        running(relay_of(SqlState(url), "", sink=sink))
        for turn in range(3):
            for topic in reversed(topics):
                put(store, rows(topic, turn))
            time.sleep(0.3)
        wait_until_sent(store, 2 * len(ids(3)))
        check_copies(read_topic(broker.bootstrap, topics[0]), ids(3))
        allow(broker, topics[1], ACLOperation.WRITE)
        allow(broker, topics[2], ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE)
        wait_until_sent(store)
        for topic in topics:
            check_copies(read_topic(broker.bootstrap, topic), ids(3))


def allow(broker: KafkaLocal, topic: str, *operations: ACLOperation) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    pattern = ResourcePattern(ResourceType.TOPIC, topic)
    admin.create_acls(
        [ACL("User:relay", "*", operation, ACLPermissionType.ALLOW, pattern) for operation in operations]
    )
    admin.close()


def test_a_database_that_is_killed_in_the_middle_of_sends(
    kafka: str, own_postgres: PostgresLocal, running: Callable[[Relay], None]
) -> None:
    url = own_postgres.url("postgres")
    upgrade(url, "state")
    topic = make_topic(kafka, 2)
    running(relay_of(SqlState(url), kafka))
    for turn in range(6):
        store = SqlState(url)
        put(store, rows(topic, turn))
        store.close()
        time.sleep(0.3 if turn else 1.0)
        own_postgres.kill()
        own_postgres.restart()
    store = SqlState(url)
    wait_until_sent(store)
    store.close()
    check_copies(read_topic(kafka, topic), ids(6))
