"""What we write, the CloudEvents SDK reads, with equal attributes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from worker.model.alert import Notice
from worker.model.dead_letter import DeadLetter, encode_dead_letter
from worker.model.message import Form
from worker.sinks.cloudevents import Event, attributes, event
from worker.storage.records import PendingNotice

SOURCE = "urn:lpwatch:north"
AT_MS = 1_790_000_000_123


def item(kind: str, body: bytes = b'{"alert_id": "a1"}') -> PendingNotice:
    return PendingNotice(Notice("a1.2", "a1", 2, body), 0, "lpwatch.alerts", kind, AT_MS)


def read(made: Event) -> CloudEvent:
    message = KafkaMessage(dict(made.headers), made.key, made.value)
    return from_binary(message, JSONFormat(), CloudEvent)


@pytest.mark.parametrize("kind", ["alert", "alert-minimal"])
def test_the_sdk_reads_an_alert(kind: str) -> None:
    found = read(event(item(kind), SOURCE, {}))
    assert found.get_attributes() == {
        "specversion": "1.0",
        "id": "a1.2",
        "source": SOURCE,
        "type": f"org.lpwatch.{kind}.v1",
        "time": datetime.fromtimestamp(AT_MS / 1_000, UTC),
        "subject": "a1",
        "dataschema": f"urn:lpwatch:schema:{kind}:v1",
        "datacontenttype": "application/json",
        "partitionkey": "a1",
    }
    assert found.get_data() == {"alert_id": "a1"}


def test_a_body_in_another_form_is_converted() -> None:
    made = event(item("alert-fhir"), SOURCE, {"alert-fhir": lambda notice: notice.body.upper()})
    found = read(made)
    assert (found.get_type(), found.get_datacontenttype()) == (
        "org.lpwatch.alert-fhir.v1",
        "application/fhir+json",
    )
    assert json.loads(made.value) == {"ALERT_ID": "A1"}
    assert found.get_dataschema() is None


def test_a_body_that_must_be_converted_never_goes_as_it_is() -> None:
    with pytest.raises(KeyError):
        event(item("alert-fhir"), SOURCE, {})


@pytest.mark.parametrize(
    ("form", "content_type"), [(Form.HL7V2, "application/hl7-v2"), (Form.FHIR, "application/fhir+json")]
)
def test_the_sdk_reads_a_dead_letter_and_its_bytes_are_as_they_came(form: Form, content_type: str) -> None:
    body = b"{}" if form is Form.FHIR else b"MSH|^~\\&|\xff\x00"
    letter = DeadLetter(body, form, "mllp:2575", AT_MS, "no patient", "PID-3", "ward")
    made = event(item("dead-letter", encode_dead_letter(letter)), SOURCE, {})
    assert made.value == body
    headers = dict(made.headers)
    assert headers["lpwatch-reason"] == b"no patient"
    assert headers["lpwatch-received-at"] == str(AT_MS).encode()
    assert (headers["lpwatch-form"], headers["lpwatch-transport"]) == (form.value.encode(), b"mllp:2575")
    found = read(made._replace(value=b"{}"))
    assert (found.get_id(), found.get_type()) == ("a1.2", "org.lpwatch.dead-letter.v1")
    assert found.get_datacontenttype() == content_type


def test_every_header_is_plain_bytes_in_utf_8() -> None:
    made = event(item("alert"), "urn:lpwatch:sjúkrahús", {})
    assert all(isinstance(name, str) and isinstance(value, bytes) for name, value in made.headers)
    assert read(made).get_source() == "urn:lpwatch:sjúkrahús"


def test_the_sdk_reads_a_heartbeat() -> None:
    headers = attributes("heartbeat", "w1-7", SOURCE, AT_MS, "w1")
    found = read(Event(headers, b"w1", b"{}"))
    assert (found.get_type(), found.get_subject()) == ("org.lpwatch.heartbeat.v1", "w1")
