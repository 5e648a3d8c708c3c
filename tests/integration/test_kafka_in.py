"""Kafka as the source, on a real broker and a real PostgreSQL: nothing lost, nothing twice, whoever dies or moves."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from kafka import KafkaConsumer, TopicPartition, codec
from kafka.admin import KafkaAdminClient
from kafka.errors import CommitFailedError
from kafka.record.default_records import DefaultRecordBatch

from tests.integration.kafka_parts import PATIENCE_S, Worker, ended, hl7, reasons, send
from tests.topics import add_topic, set_topic
from worker.model.message import Form, OutcomeKind
from worker.model.time import DAY_MS
from worker.runtime.clock import WallClock
from worker.runtime.inlet import Room
from worker.runtime.offline import load_pack, program
from worker.storage.records import Batch
from worker.storage.state import SqlState

pytestmark = pytest.mark.integration

NewTopicOf = Callable[..., str]


@pytest.fixture
def group() -> str:
    return f"group-{uuid.uuid4().hex[:8]}"


@contextmanager
def working(*arguments: object, **options: object) -> Iterator[Worker]:
    worker = Worker(*arguments, **options)
    try:
        yield worker
    finally:
        worker.end()


def test_messages_of_all_partitions_are_ingested_once(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    topic = new_topic(partitions=3)
    send(kafka, topic, [hl7(number) for number in range(700)])
    with working(kafka, group, {topic: Form.HL7V2}, store) as worker:
        worker.until(lambda: ended(store) == 700)
        assert {raw.body for raw in worker.program.read_messages} == {hl7(number) for number in range(700)}
    assert ended(store) == 700
    assert sum(position.next for position in store.positions().values()) == 700


def test_a_restart_goes_on_where_the_database_stands_whatever_kafka_says(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    topic = new_topic()
    send(kafka, topic, [hl7(number) for number in range(10)])
    with working(kafka, group, {topic: Form.HL7V2}, store) as worker:
        worker.until(lambda: ended(store) == 10)
    with closing(KafkaConsumer(bootstrap_servers=kafka, group_id=group, enable_auto_commit=False)) as misled:
        misled.assign([TopicPartition(topic, 0)])
        misled.seek(TopicPartition(topic, 0), 3)
        _eventually(lambda: _commits(misled))
    send(kafka, topic, [hl7(number) for number in range(10, 15)])
    with working(kafka, group, {topic: Form.HL7V2}, store) as worker:
        worker.until(lambda: ended(store) == 15)
        assert [raw.body for raw in worker.program.read_messages] == [hl7(number) for number in range(10, 15)]


def test_a_new_part_may_begin_at_the_end_and_keeps_to_it_when_nothing_came(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    topic = new_topic()
    send(kafka, topic, [hl7(number) for number in range(5)])
    with working(kafka, group, {topic: Form.HL7V2}, store, is_from_end=True) as worker:
        worker.until(lambda: worker.owned == {f"kafka:{topic}:0"})
    send(kafka, topic, [hl7(7)])
    with working(kafka, group, {topic: Form.HL7V2}, store, is_from_end=True) as worker:
        worker.until(lambda: ended(store) == 1)
        assert [raw.body for raw in worker.program.read_messages] == [hl7(7)]


def test_offsets_are_mirrored_for_tools_that_show_lag(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    topic = new_topic()
    send(kafka, topic, [hl7(number) for number in range(4)])

    def is_mirrored() -> bool:
        """Work once more: a broker that takes its time is told when the next worker ends, and nobody waits for it."""
        with working(kafka, group, {topic: Form.HL7V2}, store) as worker:
            worker.until(lambda: ended(store) == 4 and worker.heard.lag == {f"kafka:{topic}:0": 0})
        told = KafkaConsumer(bootstrap_servers=kafka, group_id=group, enable_auto_commit=False)
        with closing(told) as reader:
            return reader.committed(TopicPartition(topic, 0)) == 4

    _eventually(is_mirrored)


def test_poison_ends_somewhere_and_its_bytes_are_kept(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    topic, fhir = new_topic(), new_topic()
    huge = b"\x00" * (16 * 1024 * 1024 - 512)
    set_topic(kafka, topic, max_message_bytes=f"{17 * 1024 * 1024}")
    poison = [b"\xff\xfe\x00not a message", b"", None, b'{"resourceType": "Patient"}', b"MSH|", huge]
    send(kafka, topic, [hl7(1), *poison, hl7(2)], key=b"k", max_request_size=17 * 1024 * 1024)
    send(kafka, fhir, [hl7(3), b"{", b"[]", b'{"resourceType": "Observation"}'])
    send(kafka, topic, [hl7(4)], headers=[("lpwatch-received-at", b"x"), ("lpwatch-form", b"\xff")])
    topics = {topic: Form.HL7V2, fhir: Form.FHIR}
    with working(kafka, group, topics, store, program(load_pack())) as worker:
        worker.until(lambda: sum(ended(store, kind) for kind in OutcomeKind) == 13)
        worker.until(lambda: worker.heard.lag == {f"kafka:{topic}:0": 0, f"kafka:{fhir}:0": 0})
        assert not worker.heard.stuck
    assert {part: standing.next for part, standing in store.positions().items()} == {
        f"kafka:{topic}:0": 9,
        f"kafka:{fhir}:0": 4,
    }
    kept = [item.message.body for item in store.quarantined() if item.kind == "message" and item.message]
    assert len(kept) == ended(store, OutcomeKind.DEAD_LETTERED) >= 8
    assert {huge, poison[0], b"", b"{"} <= set(kept)
    assert reasons(store, OutcomeKind.DEAD_LETTERED)["empty message"] == 2


def test_what_the_gateway_knows_of_a_message_comes_with_it(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    topic = new_topic()
    received_ms = WallClock().now_ms() - 9 * DAY_MS
    headers = [
        ("lpwatch-received-at", b"%d" % received_ms),
        ("lpwatch-transport", b"mllp:2575"),
        ("lpwatch-form", b"fhir"),
        ("lpwatch-fault", b"frame larger than the limit"),
    ]
    send(kafka, topic, [b"{}"], headers=headers)
    before_ms = WallClock().now_ms()
    send(kafka, topic, [b"{}"])
    after_ms = WallClock().now_ms()
    with working(kafka, group, {topic: Form.HL7V2}, store) as worker:
        worker.until(lambda: ended(store) == 2)
        told, untold = worker.program.read_messages
    assert (told.received_at_ms, told.transport, told.form, told.fault) == (
        received_ms,
        "mllp:2575",
        Form.FHIR,
        "frame larger than the limit",
    )
    assert (untold.transport, untold.form, untold.fault) == (f"kafka:{topic}", Form.HL7V2, "")
    assert before_ms <= untold.received_at_ms <= after_ms


def test_a_position_below_the_log_stops_that_part_until_an_operator_moves_it(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    topic, other = new_topic(), new_topic()
    part = f"kafka:{topic}:0"
    send(kafka, topic, [hl7(number) for number in range(10)])
    store.record(Batch(part, 0, 2, 0))
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.delete_records({TopicPartition(topic, 0): 6})
    topics = {topic: Form.HL7V2, other: Form.HL7V2}
    with working(kafka, group, topics, store) as worker:
        worker.until(lambda: worker.heard.stuck == {part})
        assert worker.inlet.trouble == "1 partitions are stopped"
        send(kafka, other, [hl7(1)])
        worker.until(lambda: ended(store) == 1)
        assert store.position(part).next == 2
        assert store.position(part).caught_up_ms == 0
        store.move_position(part, 6)
        worker.until(lambda: ended(store) == 5)
        assert worker.heard.stuck == set()
        assert worker.inlet.trouble == ""


def test_an_operator_moves_the_position_of_a_part_that_is_read_and_idle(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    topic = new_topic()
    send(kafka, topic, [hl7(number) for number in range(5)])
    with working(kafka, group, {topic: Form.HL7V2}, store) as worker:
        worker.until(lambda: ended(store) == 5)
        store.move_position(f"kafka:{topic}:0", 2)
        worker.until(lambda: ended(store) == 8)
        assert [raw.body for raw in worker.program.read_messages[5:]] == [hl7(2), hl7(3), hl7(4)]


def test_a_position_beyond_the_log_stops_that_part_as_well(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    topic = new_topic()
    part = f"kafka:{topic}:0"
    send(kafka, topic, [hl7(1)])
    store.record(Batch(part, 0, 40, 0))
    with working(kafka, group, {topic: Form.HL7V2}, store) as worker:
        worker.until(lambda: worker.heard.stuck == {part})
        store.move_position(part, 0)
        worker.until(lambda: ended(store) == 1)


def test_a_batch_that_cannot_be_read_stops_its_part_and_no_other(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = new_topic(), new_topic()
    part = f"kafka:{broken}:0"
    for number in range(6):
        send(kafka, broken, [hl7(number)])
    monkeypatch.setattr(DefaultRecordBatch, "validate_crc", lambda batch: batch.base_offset != 3)
    with working(kafka, group, {broken: Form.HL7V2, sound: Form.HL7V2}, store) as worker:
        worker.until(lambda: worker.heard.stuck == {part})
        assert store.position(part).next == 3
        send(kafka, sound, [hl7(7)])
        worker.until(lambda: ended(store) == 4)
        assert worker.heard.stuck == {part}
        store.move_position(part, 4)
        worker.until(lambda: ended(store) == 6)
    assert [raw.body for raw in worker.program.read_messages if raw.body != hl7(7)] == [
        hl7(number) for number in (0, 1, 2, 4, 5)
    ]


@pytest.mark.parametrize("compression", ["gzip", "lz4", "snappy", "zstd"])
def test_compressed_messages_are_read(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str, compression: str
) -> None:
    if not getattr(codec, f"has_{compression}")():
        pytest.skip(f"{compression} is not installed here: make setup-test")
    topic = new_topic()
    send(kafka, topic, [hl7(number) for number in range(50)], compression_type=compression)
    with working(kafka, group, {topic: Form.HL7V2}, store, room=Room(7)) as worker:
        worker.until(lambda: ended(store) == 50)
        assert [raw.body for raw in worker.program.read_messages] == [hl7(number) for number in range(50)]


def test_what_waits_in_memory_is_bounded_for_all_partitions_together(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    mebibyte, partitions, each = 1024 * 1024, 16, 10
    topic = new_topic(partitions=partitions)
    large = [hl7(number) + b"NTE|1||" + b"x" * 200_000 + b"\r" for number in range(each)]
    for partition in range(partitions):
        send(kafka, topic, large, partition=partition, compression_type="gzip", batch_size=1)
    bound, room = 8 * mebibyte, Room(10_000)
    with working(kafka, group, {topic: Form.HL7V2}, store, room=room, backlog_bytes=bound) as worker:
        peaks = [0]

        def look() -> None:
            peaks.append(sum(lane.size for lane in worker.inlet._lanes.values()))

        def is_full() -> bool:
            worker.inlet.read(worker.progress, room, 0)  # nothing of it is ingested: all of it waits
            look()
            return worker.inlet._free() <= 0

        def is_read() -> bool:
            look()
            return ended(store) == partitions * each

        worker.until(lambda: len(worker.owned) == partitions)
        _eventually(is_full)
        for _ in range(20):
            is_full()
        worker.until(is_read)
        fetched = worker.source._consumer._fetcher.config["max_partition_fetch_bytes"]
    assert max(peaks) <= 1.5 * bound
    assert fetched * partitions == bound


def test_gaps_in_the_log_are_stepped_over(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    """Marks of transactions, aborted records and compacted ones leave offsets at which there is no message."""
    from kafka import KafkaProducer  # noqa: PLC0415

    topic = new_topic()
    transactional = KafkaProducer(bootstrap_servers=kafka, transactional_id=f"t-{uuid.uuid4().hex}")
    with closing(transactional) as producer:
        producer.init_transactions()
        for number, is_kept in enumerate([True, False, True, False]):
            producer.begin_transaction()
            producer.send(topic, hl7(number)).get(PATIENCE_S)
            (producer.commit_transaction if is_kept else producer.abort_transaction)()
    part = f"kafka:{topic}:0"
    with working(kafka, group, {topic: Form.HL7V2}, store) as worker:
        worker.until(lambda: store.position(part).next == 8)
        assert [raw.body for raw in worker.program.read_messages] == [hl7(0), hl7(2)]
        worker.until(lambda: worker.inlet.caught_up(worker.progress)[part] > 0)


def test_two_workers_share_the_partitions_and_the_survivor_takes_all(
    kafka: str, new_topic: NewTopicOf, state_url: str, group: str, store: SqlState
) -> None:
    topic = new_topic(partitions=4)
    topics = {topic: Form.HL7V2}
    send(kafka, topic, [hl7(number) for number in range(400)])
    with working(kafka, group, topics, state_url, room=Room(20)) as second:
        with working(kafka, group, topics, state_url, room=Room(20)) as first:
            first.start()
            _eventually(lambda: len(first.owned) == 4)
            second.start()
            _eventually(lambda: len(first.owned) == len(second.owned) == 2)
            send(kafka, topic, [hl7(number) for number in range(400, 800)])
            _eventually(lambda: ended(store) == 800)
            # One that stood still for a session learns a moment later that another has what it had.
            _eventually(lambda: not first.owned & second.owned)
        _eventually(lambda: len(second.owned) == 4)
        send(kafka, topic, [hl7(number) for number in range(800, 1_000)])
        _eventually(lambda: ended(store) == 1_000)
    time.sleep(0.2)
    assert ended(store) == 1_000


def test_a_worker_knows_how_far_the_other_has_come(
    kafka: str, new_topic: NewTopicOf, state_url: str, group: str, store: SqlState
) -> None:
    topic = new_topic(partitions=2)
    topics = {topic: Form.HL7V2, "not-there-yet": Form.HL7V2}
    with (
        working(kafka, group, {topic: Form.HL7V2}, state_url) as first,
        working(kafka, group, {topic: Form.HL7V2}, state_url) as second,
    ):
        first.start()
        second.start()
        _eventually(lambda: len(first.owned) == len(second.owned) == 1)
        begun_ms = WallClock().now_ms()
        _eventually(lambda: _caught_up(store, topic) > begun_ms)
        # What its own thread last asked: asking here would share the connection of that thread.
        _eventually(lambda: first.engine._consumption._until_ms > begun_ms)
    with working(kafka, f"{group}-2", topics, store) as third:
        third.until(lambda: len(third.owned) == 2)
        third.until(lambda: third.inlet.caught_up(third.progress)[f"kafka:{topic}:0"] > 0)
        assert third.engine._consumption.until_ms() == 0


def test_a_zombie_writes_nothing(
    kafka: str, new_topic: NewTopicOf, state_url: str, group: str, store: SqlState
) -> None:
    topic = new_topic()
    topics = {topic: Form.HL7V2}
    send(kafka, topic, [hl7(number) for number in range(50)])
    with working(kafka, group, topics, state_url, room=Room(10)) as zombie:
        zombie.until(lambda: ended(store) == 10)
        with working(kafka, f"{group}-heir", topics, state_url) as heir:
            heir.until(lambda: ended(store) == 50)
        zombie.steps(10)
        assert ended(store) == 50
        assert len(zombie.program.read_messages) < 50
        send(kafka, topic, [hl7(50)])
        zombie.until(lambda: ended(store) == 51)


def test_a_member_that_lost_its_partitions_does_not_keep_them_from_others(
    kafka: str, new_topic: NewTopicOf, state_url: str, group: str
) -> None:
    """The library's own assignor goes on claiming what it lost; its heir would wait for a round that nobody asks for."""
    topic = new_topic(partitions=4)
    topics = {topic: Form.HL7V2}
    with (
        working(kafka, group, topics, state_url) as first,
        working(kafka, group, topics, state_url) as second,
    ):
        first.until(lambda: len(first.owned) == 4)
        first.source._consumer._coordinator.reset_generation()
        second.start()
        first.start()
        _eventually(lambda: len(first.owned) == len(second.owned) == 2)


def test_a_rebalance_for_a_new_topic_ends_however_short_the_polls_are(
    kafka: str, new_topic: NewTopicOf, store: SqlState, group: str
) -> None:
    """The library forgets a rebalance that the change of a topic began, where `poll` returns before it ended."""
    known, late = new_topic(), f"late-{uuid.uuid4().hex[:8]}"
    with working(kafka, group, {known: Form.HL7V2, late: Form.HL7V2}, store) as worker:
        worker.until(lambda: len(worker.owned) == 1)
        add_topic(kafka, late, 3)
        deadline = time.monotonic() + PATIENCE_S
        while len(worker.owned) < 4:
            assert time.monotonic() < deadline, "it never came"
            worker.steps(1)
            time.sleep(0.005)


def _commits(consumer: KafkaConsumer) -> bool:
    """Tell Kafka a position, where the group lets somebody who is no member of it: not before the last has left."""
    try:
        consumer.commit()
    except CommitFailedError:
        return False
    return True


def _eventually(is_true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not is_true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def _caught_up(store: SqlState, topic: str) -> int:
    return min(store.position(f"kafka:{topic}:{number}").caught_up_ms for number in range(2))
