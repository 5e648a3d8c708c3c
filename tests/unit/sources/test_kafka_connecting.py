"""Who gives up while the first connection is being made leaves nothing behind, at whatever moment."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from worker.sources import kafka
from worker.sources.kafka import _Connecting

NOBODY = "127.0.0.1:1"


def give_up_when(begun: Event, go_on: Event) -> _Connecting:
    """Begin to connect, give up at that moment, and wait for the end of the thread."""
    connecting = _Connecting({"bootstrap_servers": NOBODY, "bootstrap_timeout_ms": None, "group_id": "g"})
    assert begun.wait(60)
    connecting.give_up()
    go_on.set()
    connecting._thread.join(60)
    assert not connecting._thread.is_alive()
    assert connecting.wait(0) is None
    return connecting


def test_before_there_is_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = Event(), Event()

    class Late(KafkaNetClient):
        def __init__(self, **configs: object) -> None:
            begun.set()
            assert go_on.wait(60)
            super().__init__(**configs)

    monkeypatch.setattr(kafka, "KafkaNetClient", Late)
    give_up_when(begun, go_on)


def test_before_the_library_starts_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = Event(), Event()
    clients: list[KafkaNetClient] = []

    def consumer(kafka_client: Callable[..., KafkaNetClient], **_options: object) -> None:
        clients.append(kafka_client(bootstrap_servers=NOBODY))
        begun.set()
        assert go_on.wait(60)
        clients[0]._net.start()
        raise KafkaError

    monkeypatch.setattr(kafka, "KafkaConsumer", consumer)
    give_up_when(begun, go_on)
    assert clients[0]._net._io_thread is None


def test_while_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = Event(), Event()
    bootstrap = kafka.KafkaConsumer.__init__

    def begin(*given: object, **more: object) -> None:
        begun.set()
        bootstrap(*given, **more)

    monkeypatch.setattr(kafka.KafkaConsumer, "__init__", begin)
    give_up_when(begun, go_on)
