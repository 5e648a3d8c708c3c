from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import jsonschema
import pytest

from tests.unit.sinks.test_cloudevents import SOURCE, item
from worker.alerts.schemas import alert_schema
from worker.model.dead_letter import DeadLetter, encode_dead_letter
from worker.model.errors import TemporaryError
from worker.model.message import Form
from worker.runtime.clock import FixedClock
from worker.runtime.heartbeat import Heartbeat, Identity, Pulse, StorePulse
from worker.sinks.cloudevents import event
from worker.storage.migrate import upgrade
from worker.storage.records import Batch
from worker.storage.state import SqlState

WHO = Identity("worker", "w1", "0.2.0", "abc")
T0 = 1_790_000_000_000


class Ear:
    """Hear heartbeats."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, int, str, bytes]] = []
        self.is_deaf = False

    def publish(self, kind: str, event_id: str, at_ms: int, subject: str, value: bytes) -> None:
        if self.is_deaf:
            raise TemporaryError("away", "beats")
        self.heard.append((kind, event_id, at_ms, subject, value))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlState]:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    upgrade(url, "state")
    opened = SqlState(url, synchronous="OFF")
    yield opened
    opened.close()


def test_a_heartbeat_says_who_lives_and_how_far_it_is(store: SqlState) -> None:
    ear = Ear()
    store.record(Batch("kafka:adt:0", 0, 7, T0, feeds={"ward": T0}))
    store.record(Batch("kafka:adt:1", 0, 9, T0))
    look = StorePulse(store, ["kafka"], lambda: 0.25, lambda: {"kafka:adt:0": 3, "kafka:oru:0": 0})
    told = Heartbeat(WHO, ear, look, FixedClock(T0 + 5), 30).beat()
    ((kind, event_id, at_ms, subject, value),) = ear.heard
    assert (kind, event_id, at_ms, subject) == ("heartbeat", f"w1:{T0 + 5}:1", T0 + 5, "w1")
    assert json.loads(value) == told
    assert [(part["part"], part["next"], part["lag"]) for part in told["parts"]] == [
        ("kafka:adt:0", 7, 3),
        ("kafka:oru:0", 0, 0),
    ]
    assert told["feeds"] == [{"feed": "ward", "last_received_at": "2026-09-21T14:13:20Z"}]
    assert told["outbox"] == [{"sink": "kafka", "waiting": 0, "oldest_at": None}]
    assert (told["due_backlog"], told["seconds_since_step"], told["sequence"]) == (0, 0.25, 1)


@pytest.mark.parametrize("role", ["worker", "gateway"])
def test_a_heartbeat_is_what_its_schema_says(store: SqlState, role: str) -> None:
    store.record(Batch("journal", 0, 7, T0, feeds={"ward": T0}))
    whole = StorePulse(store, ["kafka"], lambda: 0.25)
    look = whole if role == "worker" else lambda _now_ms: Pulse()
    told = Heartbeat(WHO, Ear(), look, FixedClock(T0), 30).beat()
    schema = alert_schema("heartbeat")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(told, schema)
    assert set(schema["required"]) == set(told)


def test_the_headers_of_a_dead_letter_are_what_their_schema_says() -> None:
    letter = DeadLetter(b"x", Form.HL7V2, "mllp", T0, "no patient")
    made = event(item("dead-letter", encode_dead_letter(letter)), SOURCE, {})
    headers = {name: value.decode() for name, value in made.headers}
    schema = alert_schema("dead-letter-headers")
    jsonschema.validate(headers, schema)
    assert set(schema["required"]) == {name for name in headers if name.startswith("lpwatch-")}


def test_a_heartbeat_that_cannot_be_sent_does_not_end_the_next() -> None:
    ear, stop = Ear(), Event()
    ear.is_deaf = True
    looks = 0

    def look(_now_ms: int) -> Pulse:
        nonlocal looks
        looks += 1
        ear.is_deaf = looks < 3
        if looks == 2:
            raise ZeroDivisionError
        if looks == 4:
            stop.set()
        return Pulse()

    beat = Heartbeat(WHO, ear, look, FixedClock(T0), 0.001)
    thread = Thread(target=beat.run, args=[stop])
    thread.start()
    thread.join(60)
    assert [event_id.rpartition(":")[2] for _, event_id, *_ in ear.heard] == ["3", "4"]
