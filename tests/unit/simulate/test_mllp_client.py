"""Sending over MLLP: every message waits for its answer, and a broken connection is told."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from worker.decode.mllp import MllpReader, frame
from worker.model.errors import TemporaryError
from worker.simulate.mllp_client import MllpClient

Answer = Callable[[bytes], bytes]


class Receiver:
    """Answer each frame as told, on a thread, until the sender leaves."""

    def __init__(self, answer: Answer) -> None:
        self.received: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._serve)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        reader = MllpReader(65_536)
        with connection:
            while data := connection.recv(4_096):
                for body in reader.feed(data):
                    assert isinstance(body, bytes)
                    self.received.append(body)
                    answer = self._answer(body)
                    if not answer:
                        return
                    connection.sendall(frame(answer))


@pytest.fixture
def start() -> Iterator[Callable[[Answer], Receiver]]:
    receivers: list[Receiver] = []

    def begin(answer: Answer) -> Receiver:
        receivers.append(Receiver(answer))
        return receivers[-1]

    yield begin
    for receiver in receivers:
        receiver.close()


def _accept(_body: bytes) -> bytes:
    return b"MSH|^~\\&\rMSA|AA|1\r"


@pytest.mark.parametrize("window", [1, 3, 100])
def test_all_messages_are_sent_in_order_and_answered(
    window: int, start: Callable[[Answer], Receiver]
) -> None:
    receiver = start(_accept)
    bodies = [f"MSH|{number}\r".encode() for number in range(10)]
    with MllpClient("127.0.0.1", receiver.port, window=window) as client:
        sent = client.send_all(bodies)
    assert (sent.messages, sent.accepted) == (10, 10)
    assert receiver.received == bodies


def test_a_rejected_message_is_sent_and_not_accepted(start: Callable[[Answer], Receiver]) -> None:
    receiver = start(lambda _: b"MSH|^~\\&\rMSA|AR|1\r")
    with MllpClient("127.0.0.1", receiver.port) as client:
        sent = client.send_all([b"MSH|1\r"])
    assert (sent.messages, sent.accepted) == (1, 0)


def test_a_receiver_that_leaves_is_an_error_that_a_retry_can_help(
    start: Callable[[Answer], Receiver],
) -> None:
    receiver = start(lambda _: b"")
    with MllpClient("127.0.0.1", receiver.port) as client, pytest.raises(TemporaryError):
        client.send_all([b"MSH|1\r"])


def test_nobody_listening_is_an_error_that_names_the_address() -> None:
    with pytest.raises(TemporaryError, match=r"127\.0\.0\.1:1"):
        MllpClient("127.0.0.1", 1)
