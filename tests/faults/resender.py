"""An interface engine: sends over MLLP in order, and sends again what was not acknowledged as stored."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Sequence

from worker.decode.mllp import MllpReader, frame

# AR and CR: the store has it, and it will be set aside.
STORED = ("AA", "AR", "CA", "CR")
PAUSE_S = 0.05
IDLE_S = 0.002


class Resender(threading.Thread):
    """Send messages up to `allowed`, a window of them unacknowledged, until all are stored or `stop` is called."""

    def __init__(self, bodies: Sequence[bytes], address: tuple[str, int], *, window: int = 20) -> None:
        super().__init__(name="interface-engine", daemon=True)
        self.allowed = 0
        self.stored = 0
        self.sent = 0
        self.refused = 0
        self.broken = 0
        self.failure = ""
        self._bodies = bodies
        self._address = address
        self._window = window
        self._waiting = deque(range(len(bodies)))
        self._ending = threading.Event()

    @property
    def is_done(self) -> bool:
        return self.stored == len(self._bodies)

    def stop(self) -> None:
        self._ending.set()
        self.join(60)

    def run(self) -> None:
        while not self.is_done and not self._ending.is_set():
            in_flight: deque[int] = deque()
            try:
                with socket.create_connection(self._address, timeout=30) as connection:
                    self._talk(connection, in_flight)
            except (OSError, EOFError):
                self.broken += bool(in_flight)
            except AssertionError as error:
                self.failure = str(error)
                return
            self._waiting.extendleft(reversed(in_flight))
            self._ending.wait(PAUSE_S)

    def _talk(self, connection: socket.socket, in_flight: deque[int]) -> None:
        reader = MllpReader(1_000_000)
        while not self.is_done and not self._ending.is_set():
            self._fill(connection, in_flight)
            if not in_flight:
                self._ending.wait(IDLE_S)
                continue
            data = connection.recv(65_536)
            if not data:
                raise EOFError
            for answer in reader.feed(data):
                assert isinstance(answer, bytes), "an answer is no frame"
                self._take(answer, in_flight.popleft())

    def _fill(self, connection: socket.socket, in_flight: deque[int]) -> None:
        room = min(self._window - len(in_flight), self.allowed - self.stored - len(in_flight))
        chosen = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
        in_flight.extend(chosen)
        if chosen:
            connection.sendall(b"".join(frame(self._bodies[number]) for number in chosen))
            self.sent += len(chosen)

    def _take(self, answer: bytes, number: int) -> None:
        code, control_id = _acknowledgement(answer)
        assert control_id in {"", _control_id(self._bodies[number])}, "the acknowledgement of another message"
        if code in STORED:
            self.stored += 1
            return
        self.refused += 1
        self._waiting.appendleft(number)
        time.sleep(PAUSE_S)


def _acknowledgement(answer: bytes) -> tuple[str, str]:
    fields = next(part for part in answer.decode().split("\r") if part.startswith("MSA")).split("|")
    return fields[1], fields[2] if len(fields) > 2 else ""


def _control_id(body: bytes) -> str:
    header = body.split(b"\r")[0].split(body[3:4])
    return header[9].decode(errors="replace") if len(header) > 9 else ""
