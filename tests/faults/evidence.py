"""What is left after the torment: what the topics hold, what the database holds, what was found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from kafka import KafkaConsumer, TopicPartition

from tests.integration.role_process import records
from worker.model.message import OutcomeKind
from worker.pipeline import compile_pack
from worker.runtime.engine_program import PackProgram
from worker.runtime.packs import read_layers
from worker.storage.schema import identifier, outbox
from worker.storage.state import SqlState


@dataclass(frozen=True)
class Record:
    """One record of a topic, as a plain consumer reads it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: dict[str, str]


def read_topic(bootstrap: str, topic: str) -> list[Record]:
    """Read all that a topic holds, each partition in its order, with kafka-python and nothing of ours."""
    found = map(_record, records(bootstrap, topic))
    return sorted(found, key=lambda each: (each.partition, each.offset))


def _record(found: object) -> Record:
    headers = {name: value.decode() for name, value in found.headers}
    return Record(found.topic, found.partition, found.offset, found.key, found.value or b"", headers)


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    try:
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        return {part.partition: offset for part, offset in consumer.end_offsets(parts).items()}
    finally:
        consumer.close()


def ends(state: SqlState) -> dict[str, int]:
    """Count the ends of messages: each has exactly one."""
    kinds = {kind.value for kind in OutcomeKind}
    found: Counter[str] = Counter()
    for key, count in state.counts().items():
        if key.stage in kinds:
            found[key.stage] += count
    return dict(found)


@dataclass(frozen=True)
class Waiting:
    """One row of the outbox."""

    notice: str
    sink: str
    target: str
    alert: str
    version: int
    is_sent: bool


def outbox_rows(url: str) -> list[Waiting]:
    columns = (outbox.c[name] for name in ("notice", "sink", "target", "alert", "version", "is_sent"))
    return [Waiting(*row) for row in _rows(url, sa.select(*columns))]


def findings(url: str) -> tuple[Counter[object], Counter[object]]:
    """Give what is found in the stored facts of each patient at the last receipt, and the alerts that stand for it."""
    program = PackProgram(compile_pack(read_layers(())))
    numbers = [row[0] for row in _rows(url, sa.select(identifier.c.id))]
    state = SqlState(url)
    try:
        as_of_ms = state.latest_ms()
        cases = {case.patients: case for case in map(state.case, numbers)}
        found = Counter(
            (tuple(sorted(patient.key for patient in patients)), *item.identity)
            for patients, case in cases.items()
            for item in program.assess(case.facts, as_of_ms, as_of_ms).findings
        )
        standing = Counter(
            (tuple(sorted(patient.key for patient in record.patients)), *record.alert.finding.identity)
            for record in state.alerts()
            if record.alert.state.is_open
        )
    finally:
        state.close()
    return found, standing


def out_of_turn(records: Iterable[Record]) -> list[str]:
    """Name the alerts of whom an older version came after a newer one."""
    latest: dict[str, int] = {}
    found = []
    for record in records:
        document = json.loads(record.value)
        alert, version = record.headers["ce_subject"], int(document["version"])
        if version <= latest.get(alert, 0):
            found.append(alert)
        latest[alert] = version
    return found


def _rows(url: str, query: sa.Select[tuple[object, ...]]) -> list[tuple[object, ...]]:
    engine = sa.create_engine(url)
    try:
        with engine.connect() as conn:
            return [tuple(row) for row in conn.execute(query)]
    finally:
        engine.dispose()
