"""The roles as processes, on a real broker and a real database: what each promises, also when it is asked to end."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from kafka import KafkaProducer

from tests.integration.messages import fever, message, temperature
from tests.integration.role_process import (
    RoleProcess,
    all_ended,
    await_until,
    records,
)
from tests.integration.worker_process import START_S
from tests.topics import make_topic
from tools.kafka_local import KafkaLocal
from tools.local_process import free_ports
from worker.storage.state import SqlState

Start = Callable[..., RoleProcess]
NewTopic = Callable[..., str]


@pytest.fixture
def start() -> Iterator[Start]:
    """Give what starts roles; every one is gone when the test ends."""
    with all_ended() as begin:
        yield begin


@pytest.fixture
def alert_pack(tmp_path: Path, new_topic: NewTopic) -> tuple[Path, str]:
    """Give a pack that routes every alert to a topic of its own, and the topic."""
    topic = new_topic(name="alerts")
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "routes.yaml").write_text(
        f"routes:\n  - id: default\n    topic: {topic}\n    default: true\n", encoding="utf-8"
    )
    return pack, topic


def test_run_sends_its_notices_to_the_topic_of_the_route(
    tmp_path: Path, start: Start, kafka: str, alert_pack: tuple[Path, str]
) -> None:
    pack, topic = alert_pack
    run = start(
        tmp_path,
        "run",
        data=str(tmp_path / "data"),
        clock="messages",
        kafka_bootstrap_servers=kafka,
        alerts_to_kafka=True,
        pack=str(pack),
    )
    assert [b"MSA|AA|" in answer for answer in run.send(*fever())] == [True, True]
    assert run.end() == 0
    (record,) = records(kafka, topic)
    headers = {name: value.decode() for name, value in record.headers}
    alert = json.loads(record.value)
    assert alert["rule"]["id"] == "fever-single"
    assert headers["ce_subject"] == alert["alert_id"] == record.key.decode()
    assert (tmp_path / "data" / "notices.ndjson").exists()


def test_gateway_acknowledges_what_the_topic_has_and_says_where_it_came_from(
    tmp_path: Path, start: Start, kafka: str, new_topic: NewTopic
) -> None:
    topic = new_topic(partitions=2, name="hl7")
    gateway = start(tmp_path, "gateway", kafka_bootstrap_servers=kafka, gateway_hl7_topic=topic)
    sent = fever()
    assert [b"MSA|AA|" in answer for answer in gateway.send(*sent)] == [True, True]
    assert gateway.get("/readyz") == (200, "ok\n")
    assert gateway.end() == 0
    found = records(kafka, topic, 2)
    assert sorted(record.value for record in found) == sorted(
        one.strip(b"\x0b\x1c\r") + b"\r" for one in sent
    )
    (headers,) = {tuple(name for name, _ in record.headers) for record in found}
    assert headers == ("lpwatch-received-at", "lpwatch-transport", "lpwatch-form")


def test_gateway_takes_no_larger_messages_than_the_topic(
    tmp_path: Path, start: Start, kafka: str, new_topic: NewTopic
) -> None:
    topic = new_topic(name="hl7")
    gateway = start(tmp_path, "gateway", kafka_bootstrap_servers=kafka, gateway_hl7_topic=topic)
    large = message("ORU^R01", "m1", "20260105120000", "OBX|1|TX|||" + "x" * 2_000_000)
    assert [b"MSA|AR|" in answer for answer in gateway.send(large)] == [True]
    assert [b"MSA|AA|" in answer for answer in gateway.send(*fever())] == [True, True]
    assert [line["role"] for line in gateway.logged("limit_lowered_to_that_of_topic")] == [
        "mllp_max_frame_bytes"
    ]
    assert gateway.end() == 0


def test_gateway_refuses_while_the_broker_is_away_and_goes_on_when_it_is_back(
    tmp_path: Path, start: Start, own_kafka: KafkaLocal
) -> None:
    topic = make_topic(own_kafka.bootstrap, 1)
    gateway = start(
        tmp_path,
        "gateway",
        kafka_bootstrap_servers=own_kafka.bootstrap,
        gateway_hl7_topic=topic,
        gateway_timeout_seconds=3,
    )
    first, second = fever()
    await_until(lambda: b"MSA|AA|" in gateway.send(first)[0], "the gateway to write")
    own_kafka.kill()
    assert b"MSA|AE|" in gateway.send(second)[0]
    assert gateway.get("/readyz") == (503, "the brokers do not take messages\n")
    assert gateway.get("/healthz") == (200, "ok\n")
    own_kafka.restart()
    await_until(lambda: b"MSA|AA|" in gateway.send(second)[0], "the gateway to write again")
    assert gateway.get("/readyz") == (200, "ok\n")
    assert gateway.end() == 0
    assert {record.value for record in records(own_kafka.bootstrap, topic, 2)} >= {
        one.strip(b"\x0b\x1c\r") + b"\r" for one in (first, second)
    }


@pytest.mark.parametrize("role", ["gateway", "worker", "deliver"])
def test_role_waits_for_what_is_away_and_says_so_once(
    tmp_path: Path, start: Start, state_url: str, role: str
) -> None:
    process = start(
        tmp_path,
        role,
        http=f"127.0.0.1:{(port := free_ports(1)[0])}",
        database=state_url,
        kafka_bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}",
        kafka_hl7_topics="absent",
        gateway_hl7_topic="absent",
    )
    await_until(lambda: process.logged("waiting"), "the first line of waiting")
    await_until(lambda: "nobody listens" in process.get("/readyz", f"127.0.0.1:{port}")[1], "readiness")
    assert process.get("/healthz", f"127.0.0.1:{port}") == (200, "ok\n")
    time.sleep(2.5)
    # Another reason is told again: where the machine stands still a port may also not answer in time.
    reasons = [line["reason"] for line in process.logged("waiting")]
    assert all(one != other for one, other in pairwise(reasons)), reasons
    assert reasons
    assert not process.ready.exists()
    assert process.end() == 0


@pytest.mark.parametrize("role", ["gateway", "worker"])
def test_role_does_not_start_on_a_topic_that_is_not_there(
    tmp_path: Path, start: Start, state_url: str, kafka: str, role: str
) -> None:
    process = start(
        tmp_path,
        role,
        database=state_url,
        kafka_bootstrap_servers=kafka,
        kafka_hl7_topics="absent",
        gateway_hl7_topic="absent",
    )
    assert process.process.wait(timeout=START_S) == 3
    assert "topic absent: there is no such topic; create it, or correct its name" in process.log_text()


@pytest.mark.parametrize("role", ["worker", "deliver"])
def test_role_does_not_start_on_a_database_without_its_tables(
    tmp_path: Path, start: Start, postgres_url: str, kafka: str, role: str
) -> None:
    process = start(
        tmp_path, role, database=postgres_url, kafka_bootstrap_servers=kafka, kafka_hl7_topics="absent"
    )
    assert process.process.wait(timeout=START_S) == 3
    assert "run: lpwatch db migrate --database URL" in process.log_text()


def test_message_goes_through_gateway_worker_and_deliver_to_the_topic_of_its_alert(
    tmp_path: Path,
    start: Start,
    kafka: str,
    state_url: str,
    alert_pack: tuple[Path, str],
    new_topic: NewTopic,
) -> None:
    pack, alerts = alert_pack
    hl7 = new_topic(partitions=4, name="hl7")
    shared = {
        "kafka_bootstrap_servers": kafka,
        "database": state_url,
        "kafka_hl7_topics": hl7,
        "gateway_hl7_topic": hl7,
        "kafka_group": hl7,
        "clock": "messages",
        "pack": str(pack),
    }
    gateway = start(tmp_path, "gateway", **shared)
    workers = [start(tmp_path, "worker", f"worker{number}", **shared) for number in (1, 2)]
    deliver = start(tmp_path, "deliver", **shared)
    assert all(b"MSA|AA|" in answer for answer in gateway.send(*fever()))
    (record,) = records(kafka, alerts, 1)
    assert json.loads(record.value)["rule"]["id"] == "fever-single"
    for each in (gateway, *workers, deliver):
        await_until(lambda each=each: each.get("/readyz") == (200, "ok\n"), each.name)
    assert [each.end() for each in (gateway, *workers, deliver)] == [0, 0, 0, 0]
    assert len(records(kafka, alerts)) == 1
    # A feed that has been silent since before the start is told of too: the alert on silence rests on it.
    again = start(tmp_path, "worker", "worker3", **shared)
    assert "lpwatch_feed_last_received_seconds{feed=" in again.get("/metrics")[1]
    assert again.end() == 0


def test_run_reads_topics_beside_its_own_listeners(
    tmp_path: Path, start: Start, kafka: str, new_topic: NewTopic
) -> None:
    hl7 = new_topic(name="hl7")
    puncture, temperature = fever()
    producer = KafkaProducer(bootstrap_servers=kafka)
    producer.send(hl7, puncture.strip(b"\x0b\x1c\r") + b"\r").get(30)
    producer.close()
    run = start(
        tmp_path,
        "run",
        data=str(tmp_path / "data"),
        kafka_bootstrap_servers=kafka,
        kafka_hl7_topics=[hl7],
        kafka_group=hl7,
        clock="messages",
    )
    assert b"MSA|AA|" in run.send(temperature)[0]
    notices = tmp_path / "data" / "notices.ndjson"
    await_until(lambda: notices.exists() and notices.read_text(encoding="utf-8"), "the notice")
    assert run.get("/readyz") == (200, "ok\n")
    assert run.end() == 0
    (line,) = notices.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["alert"]["rule"]["id"] == "fever-single"


def test_worker_that_is_asked_to_end_hands_its_partitions_over_and_nothing_is_lost(
    tmp_path: Path,
    start: Start,
    kafka: str,
    state_url: str,
    alert_pack: tuple[Path, str],
    new_topic: NewTopic,
) -> None:
    pack, _ = alert_pack
    hl7 = new_topic(partitions=4, name="hl7")
    shared = {
        "kafka_bootstrap_servers": kafka,
        "database": state_url,
        "kafka_hl7_topics": hl7,
        "kafka_group": hl7,
        "clock": "messages",
        "pack": str(pack),
    }
    workers = [start(tmp_path, "worker", f"worker{number}", **shared) for number in (1, 2)]
    for worker in workers:
        worker.addresses()
    count = 1_200
    with closing(KafkaProducer(bootstrap_servers=kafka, linger_ms=5)) as producer:
        for number in range(count):
            body = temperature(f"m{number}", "20260105120000", "36.9").strip(b"\x0b\x1c\r") + b"\r"
            producer.send(hl7, body, partition=number % 4)
            if number == count // 2:
                producer.flush()
                workers[0].process.send_signal(signal.SIGTERM)
        producer.flush()
    assert workers[0].process.wait(timeout=START_S) == 0
    with closing(SqlState(state_url)) as state:

        def ended() -> int:
            return sum(
                n
                for key, n in state.counts().items()
                if key.stage in {"processed", "ignored", "dead_lettered"}
            )

        await_until(lambda: ended() >= count, "all messages")
        assert workers[1].end() == 0
        assert ended() == count
        assert sum(position.next for position in state.positions().values()) == count
    assert workers[0].logged("stopped")[0]["status"] == "drained"


def test_deliver_that_is_asked_to_end_sends_what_waits_and_another_takes_over(
    tmp_path: Path,
    start: Start,
    kafka: str,
    state_url: str,
    alert_pack: tuple[Path, str],
    new_topic: NewTopic,
) -> None:
    pack, alerts = alert_pack
    hl7 = new_topic(name="hl7")
    shared = {
        "kafka_bootstrap_servers": kafka,
        "database": state_url,
        "kafka_hl7_topics": hl7,
        "gateway_hl7_topic": hl7,
        "kafka_group": hl7,
        "clock": "messages",
        "pack": str(pack),
        "lease_seconds": 30,
    }
    gateway, worker = (start(tmp_path, role, **shared) for role in ("gateway", "worker"))
    first, second = (start(tmp_path, "deliver", f"deliver{number}", **shared) for number in (1, 2))
    for process in (first, second):
        process.addresses()
    puncture, temperature_ = fever()
    assert b"MSA|AA|" in gateway.send(puncture)[0]
    assert first.end() == 0
    assert b"MSA|AA|" in gateway.send(temperature_)[0]
    assert len(records(kafka, alerts, 1)) == 1
    assert [each.end() for each in (worker, second, gateway)] == [0, 0, 0]
    assert len(records(kafka, alerts)) == 1


def test_heartbeats_of_every_role_are_on_their_topic(
    tmp_path: Path,
    start: Start,
    kafka: str,
    state_url: str,
    alert_pack: tuple[Path, str],
    new_topic: NewTopic,
) -> None:
    pack, _ = alert_pack
    hl7, beats = new_topic(name="hl7"), new_topic(name="beats")
    shared = {
        "kafka_bootstrap_servers": kafka,
        "database": state_url,
        "data": str(tmp_path / "data"),
        "kafka_hl7_topics": hl7,
        "gateway_hl7_topic": hl7,
        "kafka_group": hl7,
        "pack": str(pack),
        "heartbeat_topic": beats,
        "heartbeat_seconds": 1,
        "worker_id": "ward-7",
    }
    roles = ("run", "gateway", "worker", "deliver")
    processes = [
        start(tmp_path, role, **{**shared, "kafka_hl7_topics": [] if role == "run" else [hl7]})
        for role in roles
    ]
    for process in processes:
        process.addresses()
    await_until(
        lambda: {json.loads(record.value)["role"] for record in records(kafka, beats)} == set(roles),
        "heartbeats",
    )
    assert {json.loads(record.value)["worker"] for record in records(kafka, beats)} == {"ward-7"}
    assert [process.end() for process in processes] == [0, 0, 0, 0]


@pytest.mark.slow
def test_waiting_can_be_bounded_by_a_setting(tmp_path: Path, start: Start) -> None:
    process = start(
        tmp_path,
        "gateway",
        kafka_bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}",
        gateway_hl7_topic="absent",
        start_wait_seconds=1,
    )
    assert process.process.wait(timeout=START_S) == 1
    assert "nobody listens on this port" in process.log_text().splitlines()[-1]
