"""Notices as CloudEvents 1.0 in the binary content mode of the Kafka binding: attributes in headers, data in the value.

Source: CloudEvents 1.0.2, Kafka Protocol Binding 3.2 (`ce_` headers in UTF-8, `content-type`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from worker.alerts.schemas import schema_id
from worker.model.alert import Notice
from worker.model.dead_letter import DeadLetter, decode_dead_letter
from worker.model.message import Form
from worker.model.time import to_rfc3339
from worker.sinks.receipt import Shipment

Headers: TypeAlias = list[tuple[str, bytes]]
Convert: TypeAlias = Callable[[Notice], bytes]

EVENT_ID = "ce_id"

_JSON = "application/json"
_FHIR_JSON = "application/fhir+json"
CONTENT_TYPES: Mapping[str, str] = {
    "alert": _JSON,
    "alert-minimal": _JSON,
    "alert-fhir": _FHIR_JSON,
    "heartbeat": _JSON,
}
_MESSAGE_TYPES = {Form.HL7V2: "application/hl7-v2", Form.FHIR: _FHIR_JSON}
# Kinds whose value is never what the outbox keeps.
_CONVERTED = frozenset({"alert-fhir"})
# FHIR has schemas of its own, and the data of a dead letter is what somebody sent.
WITHOUT_SCHEMA = frozenset({"alert-fhir", "dead-letter"})


class Event(NamedTuple):
    """A record of a topic: what its headers, its key and its value are."""

    headers: Headers
    key: bytes
    value: bytes


def event_type(kind: str) -> str:
    """Name the CloudEvents type of a body."""
    return f"org.lpwatch.{kind}.v1"


def event(shipment: Shipment, source: str, convert: Mapping[str, Convert]) -> Event:
    """Make the event of a notice; `convert` gives the value where the outbox keeps another form of it.

    Raises: what a conversion raises, for a body that is not what its kind says; KeyError where a conversion is missing.
    """
    notice, kind = shipment.notice, shipment.kind
    if kind == "dead-letter":
        return _dead_letter(shipment, source, decode_dead_letter(notice.body))
    value = convert[kind](notice) if kind in _CONVERTED else notice.body
    headers = attributes(kind, notice.notice_id, source, shipment.created_at_ms, notice.alert_id)
    return Event(headers, notice.alert_id.encode(), value)


def attributes(kind: str, event_id: str, source: str, at_ms: int, subject: str) -> Headers:
    """Give the headers of an event whose content type its kind says."""
    headers = _attributes(kind, event_id, source, at_ms, subject)
    return _headers({**headers, "content-type": CONTENT_TYPES[kind]})


def _dead_letter(shipment: Shipment, source: str, letter: DeadLetter) -> Event:
    event_id = shipment.notice.notice_id
    told = {
        **_attributes(shipment.kind, event_id, source, letter.received_at_ms, event_id),
        "content-type": _MESSAGE_TYPES[letter.form],
        "lpwatch-reason": letter.reason,
        "lpwatch-place": letter.place,
        "lpwatch-feed": letter.feed,
        "lpwatch-form": letter.form.value,
        "lpwatch-transport": letter.transport,
        "lpwatch-received-at": str(letter.received_at_ms),
        "lpwatch-omitted-bytes": str(letter.omitted),
    }
    return Event(_headers(told), event_id.encode(), letter.body)


def _attributes(kind: str, event_id: str, source: str, at_ms: int, subject: str) -> dict[str, str]:
    told = {
        "ce_specversion": "1.0",
        EVENT_ID: event_id,
        "ce_source": source,
        "ce_type": event_type(kind),
        "ce_time": to_rfc3339(at_ms),
        "ce_subject": subject,
    }
    if kind not in WITHOUT_SCHEMA:
        told["ce_dataschema"] = schema_id(kind)
    return told


def _headers(told: Mapping[str, str]) -> Headers:
    return [(name, value.encode()) for name, value in told.items()]
