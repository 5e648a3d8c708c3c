"""The servers that tests get are real, shared by the run, and end with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from tools.kafka_local import KafkaLocal
from tools.postgres_local import PostgresLocal
from tools.shared_servers import VARIABLES

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
VARIABLES_OF_ALL = {name for names in VARIABLES.values() for name in names}
# Run by a pytest of its own: it names the servers it got, and may wait to be killed.
ASKING = """
import time
import pytest

@pytest.mark.parametrize("number", range(2))
def test_asks(number, kafka, postgres_server):
    with open({out!r}, "a") as file:
        file.write(kafka + " " + postgres_server + "\\n")
    time.sleep({wait})
    assert number == 0, "one of the two fails"
"""


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def test_a_message_sent_to_a_new_topic_can_be_read(kafka: str, new_topic: Callable[..., str]) -> None:
    topic = new_topic(partitions=2)
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    producer.send(topic, b"body", partition=1).get(timeout=30)
    producer.close()
    assert _read(kafka, topic) == [b"body"]


def test_each_test_has_an_empty_database_of_its_own(postgres_url: str, state_url: str) -> None:
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
    assert postgres_url != state_url
    with _connect(postgres_url) as empty, _connect(state_url) as migrated:
        assert empty.execute(tables).fetchone() == (0,)
        assert migrated.execute(tables).fetchone() > (5,)


def test_a_broker_of_its_own_keeps_what_it_took_when_it_is_killed(own_kafka: KafkaLocal) -> None:
    producer = KafkaProducer(bootstrap_servers=own_kafka.bootstrap, acks="all", reconnect_backoff_max_ms=500)
    admin = KafkaAdminClient(bootstrap_servers=own_kafka.bootstrap)
    admin.create_topics([NewTopic("kept", 1, 1)])
    admin.close()
    producer.send("kept", b"before").get(timeout=30)
    own_kafka.kill()
    assert not own_kafka.is_alive()
    own_kafka.restart()
    producer.send("kept", b"after").get(timeout=60)
    producer.close()
    assert _read(own_kafka.bootstrap, "kept") == [b"before", b"after"]


def test_a_cluster_of_its_own_keeps_what_it_committed_when_it_is_killed(own_postgres: PostgresLocal) -> None:
    with _connect(own_postgres.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
        own_postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    own_postgres.restart()
    with _connect(own_postgres.url()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (1,)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["failed", "killed"])
def test_processes_of_a_run_share_servers_that_end_with_it(tmp_path: Path, ending: str) -> None:
    out = tmp_path / "servers"
    asking = ASKING.format(out=str(out), wait=0 if ending == "failed" else 300)
    (tmp_path / "test_asks.py").write_text(asking, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = integration\n", encoding="utf-8")
    options = ["-q", "-p", "tests.servers", "-p", "no:cacheprovider", "-c", str(tmp_path / "pytest.ini")]
    command = [sys.executable, "-m", "pytest", *options, "-n2", "--dist=load", str(tmp_path)]
    unnamed = {name: value for name, value in os.environ.items() if name not in VARIABLES_OF_ALL}  # noqa: TID251  the run itself may have been given servers
    with (tmp_path / "log").open("wb") as log:
        environment = {**unnamed, "PYTHONWARNINGS": "default"}
        run = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        lines = _lines(out, run)
    finally:
        run.kill() if ending == "killed" else run.wait(300)
    assert run.wait() == (-signal.SIGKILL if ending == "killed" else 1)
    assert len(lines) == 2
    (bootstrap, url) = set(lines).pop().split()
    assert set(lines) == {f"{bootstrap} {url}"}, "each process has servers of its own"
    for address in (bootstrap, url.rpartition("/")[0]):
        _wait_until_closed(int(address.rpartition(":")[2]))
    assert "is still running" not in (tmp_path / "log").read_text(encoding="utf-8"), "a process was forgotten"


def _lines(out: Path, run: subprocess.Popen[bytes]) -> list[str]:
    """Wait until two tests have named their servers."""
    deadline_s = time.monotonic() + 120
    while not out.exists() or out.read_text(encoding="utf-8").count("\n") < 2:
        assert time.monotonic() < deadline_s
        if run.poll() is not None:
            break
        time.sleep(0.05)
    return out.read_text(encoding="utf-8").splitlines()


def _wait_until_closed(port: int) -> None:
    deadline_s = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
        assert time.monotonic() < deadline_s, "a server outlived its run"
        time.sleep(0.05)


def _read(bootstrap: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, consumer_timeout_ms=5_000)
    parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(parts)
    consumer.seek_to_beginning(*parts)
    ends = consumer.end_offsets(parts)
    found: list[bytes] = []
    while len(found) < sum(ends.values()):
        found += [record.value for records in consumer.poll(1_000).values() for record in records]
    consumer.close()
    return found
