"""`kafka_start: end` on a real broker: what was there at first sight is left out, what any partition gets later is not."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

import pytest
from kafka import KafkaProducer

from tests.integration.kafka_parts import PATIENCE_S, Worker, ended, hl7
from tests.topics import grow_topic
from worker.model.message import Form
from worker.storage.state import SqlState

pytestmark = pytest.mark.integration

NewTopicOf = Callable[..., str]


def send_to(bootstrap: str, topic: str, partition: int, numbers: Sequence[int]) -> None:
    with closing(KafkaProducer(bootstrap_servers=bootstrap, acks="all", metadata_max_age_ms=500)) as producer:
        deadline = time.monotonic() + PATIENCE_S
        while partition not in producer.partitions_for(topic):
            assert time.monotonic() < deadline, "the producer never heard of it"
            time.sleep(0.1)
        for number in numbers:
            producer.send(topic, hl7(number), partition=partition).get(timeout=PATIENCE_S)


def eventually(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_done():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def bodies(*workers: Worker) -> set[bytes]:
    """Give what was read: once it is stored it counts once, and who stood still may read what another has stored."""
    return {raw.body for worker in workers for raw in worker.program.read_messages}


@pytest.fixture
def make_worker(kafka: str, state_url: str) -> Iterator[Callable[[str], Worker]]:
    """Give what makes workers of one group; they end with the test, or before."""
    group = f"group-{uuid.uuid4().hex[:8]}"
    with ExitStack() as ends:

        def make(topic: str) -> Worker:
            worker = Worker(kafka, group, {topic: Form.HL7V2}, state_url, is_from_end=True)
            ends.callback(worker.end)
            return worker

        yield make


def test_a_topic_that_grew_while_no_worker_ran_is_read_from_where_it_grew(
    kafka: str, new_topic: NewTopicOf, make_worker: Callable[[str], Worker], store: SqlState
) -> None:
    topic = new_topic(partitions=2)
    for partition in (0, 1):
        send_to(kafka, topic, partition, range(5))
    first = make_worker(topic)
    first.until(lambda: len(first.owned) == 2)
    first.end()
    grow_topic(kafka, topic, 4)
    for partition in range(4):
        send_to(kafka, topic, partition, [10 + partition])
    second = make_worker(topic)
    second.until(lambda: len(second.program.read_messages) >= 4 and len(second.owned) == 4)
    second.until(lambda: second.heard.lag == {f"kafka:{topic}:{partition}": 0 for partition in range(4)})
    second.end()
    assert bodies(first, second) == {hl7(10 + partition) for partition in range(4)}
    assert ended(store) == 4


def test_a_topic_that_grows_while_two_workers_run_is_read_from_where_it_grows(
    kafka: str, new_topic: NewTopicOf, make_worker: Callable[[str], Worker], store: SqlState
) -> None:
    topic = new_topic(partitions=2)
    for partition in (0, 1):
        send_to(kafka, topic, partition, range(5))
    workers = [make_worker(topic).start() for _ in range(2)]
    eventually(lambda: all(len(worker.owned) == 1 for worker in workers))
    grow_topic(kafka, topic, 4)
    for partition in range(4):
        send_to(kafka, topic, partition, range(10 + 10 * partition, 15 + 10 * partition))
    eventually(lambda: sum(len(worker.owned) for worker in workers) == 4 and ended(store) >= 20)
    for worker in workers:
        worker.end()
    positions = {part: found.next for part, found in store.positions().items()}
    assert bodies(*workers) == {
        hl7(number) for partition in range(4) for number in range(10 + 10 * partition, 15 + 10 * partition)
    }
    assert ended(store) == 20
    assert positions == {f"kafka:{topic}:{partition}": 10 if partition < 2 else 5 for partition in range(4)}


def test_two_workers_that_start_at_once_agree_on_where_a_topic_ends(
    kafka: str, new_topic: NewTopicOf, make_worker: Callable[[str], Worker], store: SqlState
) -> None:
    topic = new_topic(partitions=4)
    for partition in range(4):
        send_to(kafka, topic, partition, range(3))
    first = make_worker(topic).start()
    eventually(lambda: len(store.positions()) == 4)
    for partition in range(4):
        send_to(kafka, topic, partition, [10 + partition])
    second = make_worker(topic).start()
    eventually(lambda: len(first.owned) == len(second.owned) == 2 and ended(store) == 4)
    first.end()
    second.end()
    assert bodies(first, second) == {hl7(10 + partition) for partition in range(4)}
    assert ended(store) == 4
