"""Topics as whoever listens sees them: a plain kafka-python consumer; and an outbox to fill them from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition

from tests.integration.role_process import records
from worker.model.alert import Notice
from worker.runtime.clock import WallClock
from worker.runtime.lease import HeldLease
from worker.runtime.relay import Relay
from worker.sinks.kafka import KafkaSink
from worker.storage.records import Batch, Outgoing
from worker.storage.state import SqlState

SOURCE = "urn:lpwatch:test"
SINK = "kafka"
LEASE = f"relay:{SINK}"


@dataclass(frozen=True)
class Record:
    """One record, as a consumer got it."""

    partition: int
    offset: int
    key: str
    headers: Mapping[str, bytes]
    value: bytes

    @property
    def id(self) -> str:
        return self.headers["ce_id"].decode()


def read_topic(bootstrap: str, topic: str) -> list[Record]:
    """Read all that a topic holds, partition by partition."""
    found = [
        Record(one.partition, one.offset, one.key.decode(), dict(one.headers), one.value)
        for one in records(bootstrap, topic)
    ]
    return sorted(found, key=lambda one: (one.partition, one.offset))


class Ends:
    """Count what topics hold, again and again."""

    def __init__(self, bootstrap: str, topics: Iterable[str]) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None)
        self._places = [
            TopicPartition(topic, part)
            for topic in topics
            for part in self._consumer.partitions_for_topic(topic)
        ]

    def count(self) -> int:
        return sum(self._consumer.end_offsets(self._places).values())

    def close(self) -> None:
        self._consumer.close()


def put(
    store: SqlState, rows: Iterable[tuple[str, str, int]], *, body: bytes | None = None, kind: str = "alert"
) -> None:
    """Put notices (target, alert, version) into the outbox, all with one batch."""
    items = []
    for target, alert, version in rows:
        text = json.dumps({"alert_id": alert, "version": version}).encode() if body is None else body
        items.append(Outgoing(SINK, target, kind, Notice(f"{alert}.{version}", alert, version, text)))
    first = store.position("test").next
    assert store.record(Batch("test", first, first + 1, 1_700_000_000_000 + first, outgoing=items))


def relay_of(
    store: SqlState,
    bootstrap: str,
    *,
    owner: str = "one",
    lease_s: float = 6.0,
    timeout_s: float = 3.0,
    settle_s: float = 0.05,
    sink: KafkaSink | None = None,
    **more: object,
) -> Relay:
    """Make a relay of Kafka."""
    sink = sink or KafkaSink({"bootstrap_servers": bootstrap}, SOURCE, timeout_s=timeout_s, settle_s=settle_s)
    return Relay(sink, store, WallClock(), HeldLease(store, LEASE, owner, lease_s), log=sink, **more)


def check_copies(records: list[Record], expected: Iterable[str]) -> None:
    """Make sure that each notice is there once, and each alert's in the order of their versions."""
    ids = [record.id for record in records]
    assert sorted(ids) == sorted(set(ids)), "a second copy"
    assert sorted(ids) == sorted(expected), "a notice is missing or foreign"
    for alert in {record.key for record in records}:
        versions = [int(record.id.rpartition(".")[2]) for record in records if record.key == alert]
        assert versions == sorted(versions), "versions out of order"
