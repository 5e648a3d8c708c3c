"""A topic that is deleted and made anew, on a real broker: nobody reads on at an offset of a log that is gone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from kafka.admin import KafkaAdminClient

from tests.integration.kafka_parts import Worker, ended, hl7, send
from tests.integration.role_process import await_until
from tests.topics import add_topic
from worker.cli.main import main
from worker.model.message import Form
from worker.storage.state import SqlState

pytestmark = pytest.mark.integration

NewTopicOf = Callable[..., str]


def make_anew(bootstrap: str, topic: str, numbers: range) -> None:
    """Delete a topic, make one of the same name, and write to it."""
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.delete_topics([topic])
        await_until(lambda: admin.describe_topics([topic])[0]["error_code"] != 0, "the topic to be gone")
    add_topic(bootstrap, topic, 1)
    send(bootstrap, topic, [hl7(number) for number in numbers])


@pytest.fixture
def make_worker(kafka: str, state_url: str) -> Callable[[str], Worker]:
    group = f"group-{uuid.uuid4().hex[:8]}"
    return lambda topic: Worker(kafka, group, {topic: Form.HL7V2}, state_url)


@pytest.fixture
def config(tmp_path: Path, kafka: str, state_url: str) -> Path:
    path = tmp_path / "lpwatch.yaml"
    path.write_text(f"database: {state_url}\nkafka_bootstrap_servers: {kafka}\n", encoding="utf-8")
    return path


def bodies(*workers: Worker) -> list[bytes]:
    return [raw.body for worker in workers for raw in worker.program.read_messages]


def test_a_topic_made_anew_while_no_worker_runs_is_read_only_when_an_operator_says_from_where(
    kafka: str, new_topic: NewTopicOf, make_worker: Callable[[str], Worker], store: SqlState, config: Path
) -> None:
    topic = new_topic(partitions=1)
    part = f"kafka:{topic}:0"
    send(kafka, topic, [hl7(number) for number in range(5)])
    first = make_worker(topic)
    first.until(lambda: ended(store) == 5)
    first.until(lambda: store.position(part).log != "")  # stored just after the first position, not with it
    first.end()
    make_anew(kafka, topic, range(100, 108))

    second = make_worker(topic)
    second.until(lambda: second.heard.stuck == {part})
    second.until(lambda: second.heard.lag.get(part) == 8)
    assert second.inlet.trouble == "1 partitions are stopped"
    assert bodies(second) == []
    assert store.position(part).next == 5
    second.end()

    third = make_worker(topic)
    third.until(lambda: third.heard.stuck == {part})
    moved = CliRunner().invoke(main, ["db", "move-position", part, "beginning", "--config", str(config)])
    assert moved.exit_code == 0, moved.output
    third.until(lambda: len(bodies(third)) == 8)
    third.until(lambda: third.heard.lag.get(part) == 0)
    third.end()
    assert bodies(third) == [hl7(number) for number in range(100, 108)]
    assert third.heard.stuck == set()

    fourth = make_worker(topic)
    fourth.until(lambda: fourth.heard.lag.get(part) == 0)
    fourth.end()
    assert (bodies(fourth), fourth.heard.stuck) == ([], set())


@pytest.mark.parametrize("metadata_max_age_ms", [1_000, 30_000])
def test_a_topic_made_anew_under_a_worker_is_noticed(
    kafka: str, new_topic: NewTopicOf, state_url: str, store: SqlState, metadata_max_age_ms: int
) -> None:
    topic = new_topic(partitions=1)
    part = f"kafka:{topic}:0"
    send(kafka, topic, [hl7(number) for number in range(5)])
    worker = Worker(
        kafka, topic, {topic: Form.HL7V2}, state_url, metadata_max_age_ms=metadata_max_age_ms
    ).start()
    try:
        await_until(lambda: ended(store) >= 5, "the first messages")
        make_anew(kafka, topic, range(100, 120))
        await_until(lambda: worker.heard.stuck == {part}, "somebody to notice")
        store.move_position(part, 0)
        await_until(lambda: ended(store) >= 25 and not worker.heard.stuck, "it to be read on")
    finally:
        worker.end()
    assert set(bodies(worker)) == {hl7(number) for number in [*range(5), *range(100, 120)]}


def test_a_position_of_an_earlier_release_counts_in_the_topic_that_is_there(
    kafka: str, new_topic: NewTopicOf, make_worker: Callable[[str], Worker], store: SqlState
) -> None:
    topic = new_topic(partitions=1)
    part = f"kafka:{topic}:0"
    send(kafka, topic, [hl7(number) for number in range(5)])
    store.move_position(part, 3)
    worker = make_worker(topic)
    worker.until(lambda: worker.heard.lag.get(part) == 0)
    worker.end()
    assert bodies(worker) == [hl7(3), hl7(4)]
    assert store.position(part).log
