"""The gateway's store on a real broker: what it says is stored is stored; a broker that is away is waited for briefly."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError

from tests.integration.kafka_parts import PATIENCE_S
from tests.integration.role_process import records
from tests.topics import add_topic, set_topic
from tools.kafka_local import KafkaLocal
from worker.model.errors import TemporaryError
from worker.model.message import Form, RawMessage
from worker.sources.group_commit import TooLargeError
from worker.sources.kafka_cluster import check_topics
from worker.sources.kafka_intake import KafkaIntake, batch_limit, largest_message
from worker.sources.kafka_messages import to_message

pytestmark = pytest.mark.integration

NewTopicOf = Callable[..., str]
NOW = 1_790_000_000_000


def stored(bootstrap: str, topic: str) -> list[RawMessage]:
    return [to_message(record, Form.HL7V2, NOW) for record in records(bootstrap, topic)]


def message(body: bytes, **more: object) -> RawMessage:
    return RawMessage(body, more.pop("form", Form.HL7V2), "mllp:2575", NOW - 5, **more)


def append_until_stored(intake: KafkaIntake, sent: RawMessage) -> None:
    """Append a message as a sender does: again, until it is said to be stored."""
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            intake.append([sent])
        except TemporaryError:
            assert time.monotonic() < deadline_s
        else:
            return


def write_until_refused(bootstrap: str, topic: str, large: bytes) -> None:
    """Wait until a broker keeps to a new limit; what it takes until then is on the topic."""
    with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer, suppress(MessageSizeTooLargeError):
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            producer.send(topic, large).get(30)


def test_what_was_appended_is_read_back_with_all_that_was_known_of_it(
    kafka: str, new_topic: NewTopicOf
) -> None:
    hl7, fhir = new_topic(partitions=3), new_topic()
    intake = KafkaIntake(
        {"bootstrap_servers": kafka}, {Form.HL7V2: hl7, Form.FHIR: fhir}, timeout_s=PATIENCE_S
    )
    intake.check()
    messages = [message(b"%d" % number) for number in range(500)]
    messages.append(message(b"cut", fault="frame larger than the limit"))
    document = message(b"{}", form=Form.FHIR)
    intake.append([*messages, document])
    intake.close()
    assert sorted(stored(kafka, hl7), key=lambda each: each.body) == sorted(
        messages, key=lambda each: each.body
    )
    assert stored(kafka, fhir) == [document]


def test_a_message_larger_than_the_topic_takes_is_named_and_nothing_is_stored(
    kafka: str, new_topic: NewTopicOf
) -> None:
    topic = new_topic()
    found = check_topics({"bootstrap_servers": kafka}, {topic: ["WRITE"]})[topic]
    room = largest_message(found)
    assert room == largest_message(replace(found, settings=None))
    intake = KafkaIntake(
        {"bootstrap_servers": kafka}, {Form.HL7V2: topic}, timeout_s=PATIENCE_S, limit=batch_limit(found)
    )
    with pytest.raises(TooLargeError):
        intake.append([message(b"small"), message(b"x" * (room + 1))])
    assert stored(kafka, topic) == []
    intake.append([message(b"x" * room)])
    assert [len(each.body) for each in stored(kafka, topic)] == [room]
    intake.close()


def test_a_topic_that_takes_less_than_at_the_start_says_so_and_takes_the_rest(
    kafka: str, new_topic: NewTopicOf
) -> None:
    topic = new_topic()
    intake = KafkaIntake({"bootstrap_servers": kafka}, {Form.HL7V2: topic}, timeout_s=PATIENCE_S)
    intake.append([message(b"before")])
    set_topic(kafka, topic, max_message_bytes="5000")
    probe = b"p" * 20_000
    write_until_refused(kafka, topic, probe)
    with pytest.raises(TooLargeError):
        intake.append([message(b"x" * 20_000)])
    intake.append([message(b"after")])
    intake.close()
    assert {each.body for each in stored(kafka, topic)} - {probe} == {b"before", b"after"}


def test_a_missing_topic_is_told_at_the_start(kafka: str) -> None:
    intake = KafkaIntake({"bootstrap_servers": kafka}, {Form.HL7V2: "nowhere"}, timeout_s=2)
    with pytest.raises(TemporaryError):
        intake.check()
    intake.close()


@pytest.mark.slow
def test_a_broker_that_is_away_fails_in_bounded_time_and_works_again(own_kafka: KafkaLocal) -> None:
    bootstrap = own_kafka.bootstrap
    add_topic(bootstrap, "in")
    intake = KafkaIntake({"bootstrap_servers": bootstrap}, {Form.HL7V2: "in"}, timeout_s=3)
    append_until_stored(intake, message(b"first"))
    own_kafka.kill()
    for number in range(3):
        begun_s = time.monotonic()
        with pytest.raises(TemporaryError):
            intake.append([message(b"away %d" % number)])
        assert time.monotonic() - begun_s < 30, "the library itself waits for minutes"
    own_kafka.restart()
    append_until_stored(intake, message(b"back"))
    intake.close()
    bodies = [each.body for each in stored(bootstrap, "in")]
    assert {b"first", b"back"} <= set(bodies)
    assert bodies.count(b"back") >= 1
