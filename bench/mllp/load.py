"""Senders in step: each connection sends a message, waits for its acknowledgement, and sends the next."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

MESSAGE_BYTES = 1_500
END = b"\x1c\r"


def message(control_id: str) -> bytes:
    """Write an ORU with vital signs of about 1.5 kB, framed."""
    head = (
        f"MSH|^~\\&|MONITOR|NORTH|LPWATCH|NORTH|20260105080000+0000||ORU^R01^ORU_R01|{control_id}|P|2.5.1\r"
        "PID|1||4711^^^NORTH^MR||TEST^PERSON||19800101|F\r"
        "PV1|1|I|WARD^1^1\r"
        "OBR|1|P1|F1|85353-1^Vital signs^LN|||20260105080000\r"
    )
    lines = [head]
    number = 1
    while sum(map(len, lines)) < MESSAGE_BYTES:
        lines.append(
            f"OBX|{number}|NM|8310-5^Body temperature^LN||37.{number % 10}|Cel^^UCUM|||||F|||20260105080000+0000\r"
        )
        number += 1
    return b"\x0b" + "".join(lines).encode() + END


@dataclass
class Result:
    """What a load saw: messages for each second, and the waits in seconds, sorted."""

    per_s: float
    waits_s: list[float] = field(default_factory=list)

    def wait_ms(self, share: float) -> float:
        """Return the wait that this share of messages did not exceed, in milliseconds."""
        return self.waits_s[min(len(self.waits_s) - 1, int(share * len(self.waits_s)))] * 1_000


class _Sender(asyncio.Protocol):
    def __init__(self, name: str, deadline_s: float, done: asyncio.Future[list[float]]) -> None:
        self.name = name
        self.deadline_s = deadline_s
        self.done = done
        self.waits_s: list[float] = []
        self.buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent_s = time.perf_counter()
        self.transport.write(message_for(self.name, len(self.waits_s)))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.buffer.endswith(END):
            return
        assert b"MSA|AA|" in self.buffer or b"MSA|CA|" in self.buffer, self.buffer
        self.buffer = b""
        now_s = time.perf_counter()
        self.waits_s.append(now_s - self.sent_s)
        if now_s >= self.deadline_s:
            self.done.set_result(self.waits_s)
            self.transport.close()
        else:
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))


_TEMPLATE = message("@@@@@@@@")


def message_for(name: str, number: int) -> bytes:
    """Return the message with a control id of its own."""
    return _TEMPLATE.replace(b"@@@@@@@@", f"{name}{number:07}".encode(), 1)


async def _load(port: int, connections: int, seconds: float) -> Result:
    loop = asyncio.get_running_loop()
    start_s = time.perf_counter()
    waits = []
    for index in range(connections):
        done: asyncio.Future[list[float]] = loop.create_future()
        waits.append(done)
        sender = _Sender("abcdefghijklmnop"[index], start_s + seconds, done)
        await loop.create_connection(lambda sender=sender: sender, "127.0.0.1", port)
    waited = [wait for each in await asyncio.gather(*waits) for wait in each]
    return Result(len(waited) / (time.perf_counter() - start_s), sorted(waited))


def load(port: int, connections: int, seconds: float) -> Result:
    """Send for so many seconds over so many connections."""
    return asyncio.run(_load(port, connections, seconds))
