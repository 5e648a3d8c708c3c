"""Send messages over MLLP and wait for their acknowledgements. Source: HL7 MLLP Transport Specification, Release 1."""

from __future__ import annotations

import socket
from collections import deque
from typing import TYPE_CHECKING, Final, Self

from worker.decode.mllp import MllpReader, frame
from worker.model.errors import TemporaryError
from worker.simulate.sending import Sent

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ACK_BYTES: Final = 65_536
_CHUNK: Final = 65_536


class MllpClient:
    """One connection; up to `window` messages wait for their acknowledgement at a time."""

    def __init__(self, host: str, port: int, timeout_s: float = 30.0, window: int = 64) -> None:
        """Connect.

        Raises: TemporaryError where nobody listens.
        """
        try:
            self._socket = socket.create_connection((host, port), timeout=timeout_s)
        except OSError as error:
            raise TemporaryError(f"cannot connect: {type(error).__name__}", f"{host}:{port}") from error
        self._place = f"{host}:{port}"
        self._window = window
        self._reader = MllpReader(MAX_ACK_BYTES)
        self._answers: deque[bytes] = deque()
        self._waiting = 0
        self.sent = Sent()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection; what waits for an answer is not waited for."""
        self._socket.close()

    def send(self, body: bytes) -> None:
        """Send one message; waits only while the window is full.

        Raises: TemporaryError where the connection breaks.
        """
        try:
            self._socket.sendall(frame(body))
        except OSError as error:
            raise TemporaryError(f"connection lost: {type(error).__name__}", self._place) from error
        self.sent.messages += 1
        self._waiting += 1
        while self._waiting >= self._window:
            self._take_answer()

    def send_all(self, bodies: Iterable[bytes]) -> Sent:
        """Send messages and wait until the last is acknowledged.

        Raises: TemporaryError where the connection breaks before.
        """
        for body in bodies:
            self.send(body)
        self.drain()
        return self.sent

    def drain(self) -> None:
        """Wait until every message is acknowledged.

        Raises: TemporaryError where the connection breaks before.
        """
        while self._waiting:
            self._take_answer()

    def _take_answer(self) -> None:
        while not self._answers:
            try:
                data = self._socket.recv(_CHUNK)
            except OSError as error:
                raise TemporaryError(f"no answer: {type(error).__name__}", self._place) from error
            if not data:
                raise TemporaryError("connection closed by the receiver", self._place)
            self._answers.extend(part for part in self._reader.feed(data) if isinstance(part, bytes))
        answer = self._answers.popleft()
        self._waiting -= 1
        self.sent.accepted += b"MSA|AA" in answer or b"MSA|CA" in answer
