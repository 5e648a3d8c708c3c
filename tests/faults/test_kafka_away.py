"""A broker that is slow and a broker that is away are two things; the second is told soon, once, and not in every line."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.integration.kafka_parts import Worker, ended, hl7, send
from tests.integration.messages import fever
from tests.integration.role_process import all_ended, await_until
from tests.topics import make_topic
from tools.kafka_local import FAST_RESTART, KafkaLocal
from worker.model.message import Form
from worker.storage.state import SqlState

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NOTICED_S = 3.5  # of which half a second is what this machine may add
SLOW_S = (0.9, 1.2)


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[KafkaLocal]:
    """Give a broker that the tests of this file halt and kill, one after the other."""
    with KafkaLocal(config=FAST_RESTART) as kafka:
        yield kafka


@pytest.fixture
def worker(own_kafka: KafkaLocal, state_url: str) -> Iterator[Worker]:
    """Give a worker that has read its topic and has nothing to do."""
    topic = make_topic(own_kafka.bootstrap, 2)
    send(own_kafka.bootstrap, topic, [hl7(number) for number in range(20)])
    worker = Worker(own_kafka.bootstrap, "away", {topic: Form.HL7V2}, state_url).start()
    try:
        with closing(SqlState(state_url)) as store:
            await_until(lambda: ended(store) == 20, "the topic to be read")
        yield worker
    finally:
        worker.end()


@contextmanager
def _halted(kafka: KafkaLocal) -> Iterator[None]:
    kafka._signal(1, signal.SIGSTOP)
    try:
        yield
    finally:
        kafka._signal(1, signal.SIGCONT)


def test_a_broker_that_is_slow_is_not_away(own_kafka: KafkaLocal, worker: Worker) -> None:
    seen = set[str]()
    for seconds in SLOW_S:
        with _halted(own_kafka):
            _watch(worker, seconds, seen)
        _watch(worker, 2.0, seen)
    assert seen == {""}


def test_a_broker_that_is_away_is_noticed_and_so_is_its_return(own_kafka: KafkaLocal, worker: Worker) -> None:
    with _halted(own_kafka):
        assert _seconds_until(lambda: worker.inlet.trouble != "") < NOTICED_S
    assert _seconds_until(lambda: worker.inlet.trouble == "") < NOTICED_S
    own_kafka.kill()
    assert _seconds_until(lambda: worker.inlet.trouble != "") < NOTICED_S
    own_kafka.restart()
    await_until(lambda: worker.inlet.trouble == "", "the worker to see the broker")


def test_a_broker_that_is_away_fills_no_log(own_kafka: KafkaLocal, state_url: str, tmp_path: Path) -> None:
    topic = make_topic(own_kafka.bootstrap, 2)
    common = {"kafka_bootstrap_servers": own_kafka.bootstrap}
    with all_ended() as start:
        roles = [
            start(tmp_path, "worker", database=state_url, kafka_hl7_topics=topic, **common),
            start(tmp_path, "gateway", gateway_hl7_topic=topic, gateway_timeout_seconds=2, **common),
        ]
        worker, gateway = roles
        assert b"MSA|AA|" in gateway.send(fever()[0])[0]
        await_until(lambda: worker.logged("partition_placed"), "the worker to have its partitions")
        own_kafka.kill()
        for _ in range(2):
            assert b"MSA|AE|" in gateway.send(fever()[0])[0]
        own_kafka.restart()
        await_until(lambda: worker.logged("kafka_back"), "the worker to see the broker")
        await_until(lambda: b"MSA|AA|" in gateway.send(fever()[0])[0], "the gateway to write again")
        time.sleep(2)
        for role in roles:
            assert role.end() == 0
            assert 1 <= len(role.logged("library_warning")) <= 20, role.log_text()
        assert len(worker.logged("kafka_away")) == len(worker.logged("kafka_back")) == 1, worker.log_text()


def _watch(worker: Worker, seconds: float, seen: set[str]) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen.add(worker.inlet.trouble)
        time.sleep(0.01)


def _seconds_until(is_so: Callable[[], bool]) -> float:
    began = time.monotonic()
    await_until(is_so, "it")
    return time.monotonic() - began
