"""A broker that is slow and a broker that is away are two things; the second is told soon, once, and not in every line."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Self

import pytest

from tests.integration.kafka_parts import Worker, ended, hl7, send
from tests.integration.messages import fever
from tests.integration.role_process import all_ended, await_until
from tests.integration.worker_process import START_S
from tests.topics import make_topic
from tools.kafka_local import FAST_RESTART, KafkaLocal, brokers_seen
from worker.model.message import Form
from worker.storage.state import SqlState

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NOTICED_S = 3.5
SLOW_S = (0.9, 1.2)
ADDED_S = 0.25  # what a machine with other things to do may add to a halt that is still a short one
PATIENCE_S = 300.0
TRIES = 10


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


@pytest.mark.parametrize("seconds", SLOW_S)
def test_a_broker_that_is_slow_is_not_away(own_kafka: KafkaLocal, worker: Worker, seconds: float) -> None:
    deadline = time.monotonic() + PATIENCE_S
    seen: set[str] | None = None
    while seen != {""}:
        assert time.monotonic() < deadline, "this machine never leaves a broker in peace"
        await_until(lambda: worker.inlet.trouble == "", "the worker to see the broker")
        seen = set()
        with _Pulse(own_kafka) as pulse:
            with _halted(own_kafka):
                _watch(worker, seconds, seen)
            _watch(worker, 2.0, seen)
        # Whoever has told of it nevertheless may have met a longer halt than this test means.
        assert seen == {""} or pulse.longest_s > seconds + ADDED_S


def test_a_broker_that_is_away_is_noticed_and_so_is_its_return(own_kafka: KafkaLocal, worker: Worker) -> None:
    def is_away() -> bool:
        return worker.inlet.trouble != ""

    def is_back() -> bool:
        return worker.inlet.trouble == ""

    def halt() -> tuple[float, float]:
        with _halted(own_kafka):
            noticed = _seconds_until(is_away)
        return noticed, _seconds_until(is_back)

    def kill() -> tuple[float]:
        own_kafka.kill()
        noticed = _seconds_until(is_away)
        own_kafka.restart()
        await_until(is_back, "the worker to see the broker")
        return (noticed,)

    for break_it in (halt, kill):
        # Soon, unless the machine has other things to do: it will not have them each time.
        assert any(max(break_it()) < NOTICED_S for _ in range(TRIES))


def test_a_broker_that_is_away_fills_no_log(own_kafka: KafkaLocal, state_url: str, tmp_path: Path) -> None:
    topic = make_topic(own_kafka.bootstrap, 2)
    common = {"kafka_bootstrap_servers": own_kafka.bootstrap}
    with all_ended() as start:
        roles = [
            start(tmp_path, "worker", database=state_url, kafka_hl7_topics=topic, **common),
            start(tmp_path, "gateway", gateway_hl7_topic=topic, gateway_timeout_seconds=2, **common),
        ]
        worker, gateway = roles
        await_until(lambda: b"MSA|AA|" in gateway.send(fever()[0])[0], "the gateway to write")
        await_until(lambda: worker.logged("partition_placed"), "the worker to have its partitions")
        own_kafka.kill()
        killed_s = time.monotonic()
        for _ in range(2):
            assert b"MSA|AE|" in gateway.send(fever()[0])[0]
        own_kafka.restart()
        await_until(lambda: worker.logged("kafka_back"), "the worker to see the broker")
        await_until(lambda: b"MSA|AA|" in gateway.send(fever()[0])[0], "the gateway to write again")
        time.sleep(2)
        for role in roles:
            assert role.end() == 0
            # What a library says again and again is told once a minute.
            minutes = 1 + (time.monotonic() - killed_s) // 60
            assert 1 <= len(role.logged("library_warning")) <= 20 * minutes, role.log_text()
        # A broker that starts, or whose machine stands still, may be away once more; it is never told twice in a row.
        told = [line["event"] for line in worker.logged("kafka_away", "kafka_back")]
        assert set(told[::2]) == {"kafka_away"}, worker.log_text()
        assert set(told[1::2]) == {"kafka_back"}, worker.log_text()


def _watch(worker: Worker, seconds: float, seen: set[str]) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen.add(worker.inlet.trouble)
        time.sleep(0.01)


class _Pulse(Thread):
    """Ask a broker again and again; `longest_s` is how long nobody in this process had an answer."""

    def __init__(self, kafka: KafkaLocal) -> None:
        super().__init__(daemon=True)
        self._port = kafka.ports[1]["PLAINTEXT"]
        self._over = Event()
        self.longest_s = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        answered_s = time.monotonic()
        while not self._over.is_set():
            brokers_seen(self._port, START_S)
            self.longest_s = max(self.longest_s, time.monotonic() - answered_s)
            answered_s = time.monotonic()
            self._over.wait(0.02)


def _seconds_until(is_so: Callable[[], bool]) -> float:
    began = time.monotonic()
    await_until(is_so, "it")
    return time.monotonic() - began
