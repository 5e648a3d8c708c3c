"""A message as a record of a Kafka topic: the bytes as they came, and what we know of them in headers.

| header | value |
|---|---|
| `lpwatch-received-at` | when it was received, epoch milliseconds in ASCII |
| `lpwatch-transport` | the name of the source that took it |
| `lpwatch-form` | `hl7v2` or `fhir` |
| `lpwatch-fault` | only where the source could not take a whole message out of its bytes |

None of them is needed: records of other producers have the record's own time, `kafka:TOPIC` and the form of their topic.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from worker.decode.mllp import FrameFaultKind
from worker.model.message import Form, RawMessage
from worker.model.time import DAY_MS, EpochMs

RECEIVED_AT = "lpwatch-received-at"
TRANSPORT = "lpwatch-transport"
FORM = "lpwatch-form"
FAULT = "lpwatch-fault"
EMPTY = "empty message"
FOREIGN = "fault named by another producer"
"""Stands for phrases that are not ours: what a fault is called is counted, and shown to everybody."""

Headers = Sequence[tuple[str, bytes | None]]

_MAX_NAME = 120
_NAME = re.compile(rb"[\w.:/\[\] -]{1,%d}" % _MAX_NAME, re.ASCII)
_PHRASES = {phrase.encode(): phrase for phrase in [*FrameFaultKind, EMPTY]}
_OLDEST_MS = 37 * DAY_MS
"""As long as facts are kept without a lumbar puncture: who names an older receipt has a broken clock."""
_INSTANT = re.compile(rb"[0-9]{1,15}")
_FORMS = {form.value.encode(): form for form in Form}


class Record(Protocol):
    """What is used of a consumed record."""

    @property
    def topic(self) -> str:
        """Name the topic."""

    @property
    def offset(self) -> int:
        """Give its place in the log."""

    @property
    def timestamp(self) -> int:
        """Give the producer's or the broker's time, -1 for none."""

    @property
    def value(self) -> bytes | None:
        """Give the bytes, None for a tombstone."""

    @property
    def headers(self) -> Headers:
        """Give the headers in their order."""


def part_name(topic: str, partition: int) -> str:
    """Name a partition as a part of the store."""
    return f"{topic_name(topic)}:{partition}"


def topic_name(topic: str) -> str:
    """Name a topic in the store, where its partitions are its parts."""
    return f"kafka:{topic}"


def log_name(topic_id: UUID | None) -> str:
    """Name what a topic's partitions hold by the id that brokers gave the topic, as Kafka's own tools print it; "" for none.

    A topic that is deleted and made anew has another id.
    """
    return (
        urlsafe_b64encode(topic_id.bytes).decode("ascii").rstrip("=")
        if topic_id is not None and topic_id.int
        else ""
    )


def to_headers(message: RawMessage) -> list[tuple[str, bytes]]:
    """Say in headers what the bytes of a message do not say themselves."""
    headers = [
        (RECEIVED_AT, b"%d" % message.received_at_ms),
        (TRANSPORT, message.transport.encode()),
        (FORM, message.form.value.encode()),
    ]
    if message.fault:
        headers.append((FAULT, message.fault.encode()))
    return headers


def to_message(record: Record, form: Form, now_ms: EpochMs) -> RawMessage:
    """Make a message of any record: headers that say nothing usable count as missing, a record without bytes is a fault.

    Shape: `form` is that of the topic. Nothing was received after `now_ms`: a producer whose clock runs ahead must not
    move ours. A header that tells of a time long ago is not believed.
    """
    said = dict(record.headers) if record.headers else {}
    told_ms = _instant(said.get(RECEIVED_AT))
    if told_ms is None or told_ms < now_ms - _OLDEST_MS:
        told_ms = record.timestamp if record.timestamp >= 0 else now_ms
    transport = _matching(_NAME, said.get(TRANSPORT)) or f"kafka:{record.topic}"
    told_fault = said.get(FAULT)
    fault = str(_PHRASES.get(told_fault, FOREIGN)) if told_fault else ""
    body = record.value or b""
    if not body:
        fault = EMPTY
    return RawMessage(body, _FORMS.get(said.get(FORM) or b"", form), transport, min(told_ms, now_ms), fault)


def _instant(text: bytes | None) -> EpochMs | None:
    return int(text) if text is not None and _INSTANT.fullmatch(text) else None


def _matching(pattern: re.Pattern[bytes], text: bytes | None) -> str:
    return text.decode("ascii") if text is not None and pattern.fullmatch(text) else ""
