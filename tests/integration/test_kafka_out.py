"""Notices on topics of a real broker, as a plain kafka-python consumer sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from tests.integration.alert_topics import (
    SINK,
    SOURCE,
    check_copies,
    put,
    read_topic,
    relay_of,
)
from tests.topics import add_topic, grow_topic, make_topic
from tests.unit.alerts.test_render import AROUND, TEXT, open_alert
from worker.alerts.render import render_alert
from worker.alerts.schemas import alert_schema
from worker.model.dead_letter import DeadLetter, encode_dead_letter
from worker.model.message import Form
from worker.runtime.clock import FixedClock
from worker.runtime.heartbeat import Heartbeat, Identity, StorePulse
from worker.runtime.relay import Relay
from worker.runtime.resting import Resting
from worker.runtime.shrink import shrink
from worker.sinks.fhir_documents import fhir_bundle
from worker.sinks.kafka import KafkaSink
from worker.sinks.kafka_events import KafkaEvents
from worker.storage.migrate import upgrade
from worker.storage.records import PendingNotice
from worker.storage.state import SqlState

pytestmark = pytest.mark.integration


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlState]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(url, "state")
    opened = SqlState(url, synchronous="OFF")
    yield opened
    opened.close()


@pytest.fixture
def relay(store: SqlState, kafka: str) -> Iterator[Callable[..., Relay]]:
    made: list[Relay] = []

    def make(**more: object) -> Relay:
        made.append(relay_of(store, kafka, **more))
        return made[-1]

    yield make
    for one in made:
        one._sink.close()


class Late:
    """A watch on which all rests are over."""

    seconds = 1e9


def hurry(relay: Relay, store: SqlState) -> None:
    """Step until nothing waits, without the waits between two tries."""
    clock = relay._clock = FixedClock(4_000_000_000_000)
    for _ in range(400):
        clock.at_ms += 60_000
        relay._resting = Resting(Late)
        relay.step()
        if not store.count_waiting(SINK):
            return
    raise AssertionError("notices wait for ever")


def test_the_cloudevents_sdk_reads_what_a_consumer_gets(
    store: SqlState, relay: Callable[..., Relay], kafka: str
) -> None:
    topic = make_topic(kafka)
    put(store, [(topic, "a", 1), (topic, "a", 2), (topic, "b", 1)])
    assert relay().step().sent == 3
    records = read_topic(kafka, topic)
    check_copies(records, ["a.1", "a.2", "b.1"])
    for record in records:
        found = from_binary(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())
        assert isinstance(found, CloudEvent)
        assert found.get_data() == {"alert_id": record.key, "version": int(record.id[-1])}
        assert (found.get_id(), found.get_subject()) == (record.id, record.key)
        assert (found.get_source(), found.get_type()) == (SOURCE, "org.lpwatch.alert.v1")
    assert store.count_waiting(SINK) == 0


def test_a_topic_that_is_made_later_gets_what_waited_and_holds_up_no_other(
    store: SqlState, relay: Callable[..., Relay], kafka: str
) -> None:
    topic, late = make_topic(kafka), make_topic(kafka) + "-late"
    put(store, [(target, "a", version) for target in (late, topic) for version in (1, 2)])
    one = relay()
    assert one.step().sent == 2
    check_copies(read_topic(kafka, topic), ["a.1", "a.2"])
    assert one.step().sent == 0
    add_topic(kafka, late)
    hurry(one, store)
    check_copies(read_topic(kafka, late), ["a.1", "a.2"])


def test_a_body_larger_than_its_topic_is_set_aside_and_the_others_go_on(
    store: SqlState, relay: Callable[..., Relay], kafka: str
) -> None:
    topic = make_topic(kafka, 1, max_message_bytes="3000")
    put(store, [(topic, f"before{number}", 1) for number in range(5)])
    put(store, [(topic, "large", 1)], body=json.dumps({"text": "x" * 9_000}).encode())
    put(store, [(topic, "large", 2), *((topic, f"after{number}", 1) for number in range(5))])
    hurry(relay(), store)
    expected = [f"{name}{number}.1" for name in ("before", "after") for number in range(5)]
    check_copies(read_topic(kafka, topic), [*expected, "large.2"])
    (aside,) = store.quarantined()
    assert (aside.kind, aside.message_id, aside.place) == ("notice", "large.1", topic)
    assert aside.reason == "larger than the topic takes"


def test_the_smaller_form_is_sent_in_place_of_what_is_too_large(
    store: SqlState, relay: Callable[..., Relay], kafka: str
) -> None:
    def small(item: PendingNotice) -> PendingNotice | None:
        return shrink(item)

    topic = make_topic(kafka, 1, max_message_bytes="3000")
    letter = DeadLetter(bytes(9_000), Form.HL7V2, "mllp", 5, "no patient", "PID-3", "ward")
    put(store, [(topic, "p:7", 1)], body=encode_dead_letter(letter), kind="dead-letter")
    hurry(relay(shrink=small), store)
    (record,) = read_topic(kafka, topic)
    assert (record.value, record.headers["lpwatch-omitted-bytes"]) == (b"", b"9000")
    headers = {name: value.decode() for name, value in record.headers.items()}
    jsonschema.validate(headers, alert_schema("dead-letter-headers"))
    assert len(store.quarantined()) == 1


def test_a_record_that_no_request_may_hold_is_refused_at_once(
    store: SqlState, relay: Callable[..., Relay], kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.sinks.kafka._MAX_RECORD_BYTES", 5_000)
    topic = make_topic(kafka)
    put(store, [(topic, "large", 1)], body=bytes(9_000))
    put(store, [(topic, "a", 1)])
    done = relay().step()
    assert (done.sent, done.refused) == (1, 1)
    check_copies(read_topic(kafka, topic), ["a.1"])


def test_where_retention_dropped_what_was_recorded_the_log_is_read_from_its_beginning(
    store: SqlState, relay: Callable[..., Relay], kafka: str
) -> None:
    topic = make_topic(kafka, 1)
    put(store, [(topic, "a", version) for version in range(1, 6)])
    relay().step()
    # Of five records the first three go; the offsets say that nothing was read yet, as after a very late crash.
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.delete_records({TopicPartition(topic, 0): 3})
    store.note_offsets(SINK, {(topic, 0): 0})
    with store._db.unit() as conn:
        conn.exec_driver_sql("UPDATE outbox SET is_sent = false WHERE notice IN ('a.4', 'a.5')")
    put(store, [(topic, "b", 1)])
    other = relay()
    hurry(other, store)
    assert [record.id for record in read_topic(kafka, topic)] == ["a.4", "a.5", "b.1"]


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(
    store: SqlState, relay: Callable[..., Relay], kafka: str
) -> None:
    topic = make_topic(kafka, 1)
    put(store, [(topic, "a", 1)])
    store.note_offsets(SINK, {(topic, 0): 900})
    hurry(relay(), store)
    assert store.sent_offsets(SINK)[topic, 0] == 1
    check_copies(read_topic(kafka, topic), ["a.1"])


def test_a_partition_that_was_added_is_read_from_its_beginning(
    store: SqlState, relay: Callable[..., Relay], kafka: str
) -> None:
    topic = make_topic(kafka, 1)
    put(store, [(topic, "a", 1)])
    relay().step()
    grow_topic(kafka, topic, 4)
    put(store, [(topic, f"b{number}", 1) for number in range(12)])
    # Another relay sends to the new partitions and dies before it has marked anything.
    dying = relay()
    dying._store = _Forgetful(store)
    with pytest.raises(KeyboardInterrupt):
        dying.step()
    dying._sink.close()
    hurry(relay(), store)
    check_copies(read_topic(kafka, topic), ["a.1", *(f"b{number}.1" for number in range(12))])
    assert len({part for _, part in store.sent_offsets(SINK)}) == 4


class _Forgetful:
    """A store whose process dies as it is told that notices were sent."""

    def __init__(self, store: SqlState) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def mark_sent(self, sink: str, keys: object, offsets: object = None) -> None:
        if keys:
            raise KeyboardInterrupt
        self._store.mark_sent(sink, keys, offsets)


def test_a_long_log_is_read_back_in_stretches(
    store: SqlState, relay: Callable[..., Relay], kafka: str
) -> None:
    topic = make_topic(kafka, 2)
    put(store, [(topic, f"a{number}", 1) for number in range(3_000)])
    hurry(relay(), store)
    store.note_offsets(SINK, {(topic, 0): 0, (topic, 1): 0})
    with store._db.unit() as conn:
        conn.exec_driver_sql("UPDATE outbox SET is_sent = false")
    one = relay()
    sizes: list[int] = []
    mark = store.mark_sent

    def look(sink: str, keys: list[object], offsets: object = None) -> None:
        sizes.append(len(keys))
        mark(sink, keys, offsets)

    store.mark_sent = look
    hurry(one, store)
    assert sum(sizes) == 3_000
    assert max(sizes) <= 500
    check_copies(read_topic(kafka, topic), [f"a{number}.1" for number in range(3_000)])


def test_a_fhir_route_gets_bundles(store: SqlState, relay: Callable[..., Relay], kafka: str) -> None:
    topic = make_topic(kafka)
    body = json.dumps(render_alert(open_alert().only, TEXT, AROUND)).encode()
    put(store, [(topic, "a", 1)], body=body, kind="alert-fhir")
    put(store, [(topic, "b", 1)], body=b"{}", kind="alert-fhir")
    sink = KafkaSink({"bootstrap_servers": kafka}, SOURCE, timeout_s=3.0, convert={"alert-fhir": fhir_bundle})
    hurry(relay(sink=sink), store)
    (record,) = read_topic(kafka, topic)
    assert (record.id, record.headers["content-type"]) == ("a.1", b"application/fhir+json")
    assert json.loads(record.value)["resourceType"] == "Bundle"
    (aside,) = store.quarantined()
    assert (aside.message_id, aside.reason) == ("b.1", "its body cannot be converted")


def test_heartbeats_are_on_their_topic(store: SqlState, kafka: str) -> None:
    topic = make_topic(kafka, 1)
    events = KafkaEvents({"bootstrap_servers": kafka}, topic, SOURCE)
    look = StorePulse(store, [SINK], lambda: 0.5)
    beat = Heartbeat(Identity("worker", "w1", "0.2.0", "abc"), events, look, FixedClock(5_000), 30)
    beat.beat()
    beat.beat()
    events.close()
    records = read_topic(kafka, topic)
    assert [record.id for record in records] == ["w1:5000:1", "w1:5000:2"]
    for record in records:
        found = from_binary(KafkaMessage(dict(record.headers), record.key, record.value), JSONFormat())
        assert found.get_type() == "org.lpwatch.heartbeat.v1"
        jsonschema.validate(found.get_data(), alert_schema("heartbeat"))
