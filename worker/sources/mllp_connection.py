"""One MLLP connection: frames in, messages to the group commit, acknowledgements out in the order of the messages.

Source: HL7 MLLP (Transport Specification, release 1 and 2), HL7 v2.5.1 chapter 2.9 (acknowledgements).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from worker.decode.ack import AckCode, acknowledge, wants_answer
from worker.decode.hl7v2 import Peek, peek
from worker.decode.mllp import FrameFault, FrameFaultKind, MllpReader, frame
from worker.model.errors import DecodeError
from worker.model.message import Form, RawMessage
from worker.model.time import EpochMs
from worker.sources.frames import unpack
from worker.sources.group_commit import GroupCommit, Received


@dataclass(frozen=True, slots=True)
class MllpLimits:
    """Bound what clients can make the server keep.

    Units: sizes in bytes. `max_buffered` is what one connection may have waiting for the store before it is no longer read.
    """

    max_connections: int = 256
    max_frame: int = 16 * 1024 * 1024
    max_buffered: int = 4 * 1024 * 1024
    idle_s: float = 600.0
    handshake_s: float = 10.0
    drain_s: float = 5.0


class MllpObserver(Protocol):
    """Count what a server does."""

    def connected(self, change: int) -> None:
        """Note that a connection opened (1) or closed (-1)."""

    def refused(self, reason: str) -> None:
        """Note that a connection was turned away or closed, and why."""

    def acknowledged(self, code: AckCode, seconds: Sequence[float]) -> None:
        """Note answers with this code, and how long each sender waited."""


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(frozen=True, slots=True)
class MllpRoom:
    """What the connections of one server share."""

    commit: GroupCommit
    limits: MllpLimits
    observer: MllpObserver
    now_ms: Callable[[], EpochMs]
    transport_name: str
    connections: set[MllpConnection] = field(default_factory=set)
    is_empty: asyncio.Event = field(default_factory=_set_event)

    def enter(self, connection: MllpConnection) -> None:
        """Count a connection in."""
        self.connections.add(connection)
        self.is_empty.clear()
        self.observer.connected(1)

    def leave(self, connection: MllpConnection) -> None:
        """Count a connection out."""
        self.connections.discard(connection)
        self.observer.connected(-1)
        if not self.connections:
            self.is_empty.set()


class MllpConnection(asyncio.Protocol):
    """Speak MLLP with one client; a `Sender` for the group commit."""

    def __init__(self, room: MllpRoom) -> None:
        """Start with nothing received."""
        self._room = room
        self._loop = asyncio.get_running_loop()
        self._reader = MllpReader(room.limits.max_frame)
        self._transport: asyncio.Transport | None = None
        self._waiting = 0
        self._buffered = 0
        self._is_paused = False
        self._is_client_slow = False
        self._is_ending = False
        self.heard_at_s = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take part, or leave at once where there are too many connections."""
        self._transport = cast("asyncio.Transport", transport)  # what asyncio hands to a stream protocol
        if len(self._room.connections) >= self._room.limits.max_connections:
            self._room.observer.refused("too many connections")
            self._transport.abort()
            return
        self._room.enter(self)

    def data_received(self, data: bytes) -> None:
        """Cut frames from what arrived and hand them to the store."""
        self.heard_at_s = self._loop.time()
        self._submit(self._reader.feed(data))

    def eof_received(self) -> bool:
        """Keep a half-closed connection until its answers are sent; TLS knows no half-close."""
        self._is_ending = True
        is_secure = self._transport is not None and self._transport.get_extra_info("sslcontext") is not None
        return self._waiting > 0 and not is_secure

    def connection_lost(self, _error: Exception | None) -> None:
        """Keep the start of a frame that will never be complete, for the quarantine."""
        if self not in self._room.connections:
            return
        self._transport = None
        self._submit(self._reader.finish())
        self._room.leave(self)

    def pause_writing(self) -> None:
        """Read no more while the client does not take its answers."""
        self._is_client_slow = True
        self._steer()

    def resume_writing(self) -> None:
        """Read on when the client took its answers."""
        self._is_client_slow = False
        self._steer()

    def settle(self, received: Sequence[Received], *, is_stored: bool) -> None:
        """Answer the messages whose fate is known, in their order."""
        self._waiting -= len(received)
        self._buffered -= sum([len(each.message.body) for each in received])
        self._answer(received, is_stored=is_stored)
        if self._is_paused:
            self._steer()
        if self._is_ending and not self._waiting:
            self._close()

    def end(self) -> None:
        """Read nothing more; close when everything that was read is answered."""
        self._is_ending = True
        self._steer()
        if not self._waiting:
            self._close()

    def abort(self) -> None:
        """Close without waiting for the client."""
        if self._transport is not None:
            self._transport.abort()

    def close_idle(self) -> None:
        """Close a connection that was silent for too long."""
        if not self._waiting:
            self._room.observer.refused("idle")
            self._close()

    def _submit(self, pieces: Sequence[bytes | FrameFault]) -> None:
        if not pieces:
            return
        received_at_ms = self._room.now_ms()
        at_s = self._loop.time()
        batch = [
            Received(self._message(piece, received_at_ms), _peek(piece), self, at_s)
            for piece in unpack(pieces)
        ]
        self._waiting += len(batch)
        self._buffered += sum([len(each.message.body) for each in batch])
        self._room.commit.submit(batch)
        if self._buffered > self._room.limits.max_buffered:
            self._steer()

    def _message(self, piece: bytes | FrameFault, received_at_ms: EpochMs) -> RawMessage:
        name = self._room.transport_name
        if isinstance(piece, FrameFault):
            return RawMessage(piece.body, Form.HL7V2, name, received_at_ms, fault=piece.kind.value)
        return RawMessage(piece, Form.HL7V2, name, received_at_ms)

    def _answer(self, received: Sequence[Received], *, is_stored: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        now_ms = self._room.now_ms()
        now_s = self._loop.time()
        waited: dict[AckCode, list[float]] = {}
        answers = bytearray()
        for each in received:
            code, text = _verdict(each, is_stored=is_stored)
            waited.setdefault(code, []).append(now_s - each.at_s)
            if _is_answered(each, code):
                answers += frame(acknowledge(each.peek, code, now_ms=now_ms, text=text))
        self._transport.write(answers)
        for code, seconds in waited.items():
            self._room.observer.acknowledged(code, seconds)

    def _steer(self) -> None:
        """Stop reading while too much waits for the store or the client, and read on when it does not."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        is_full = self._buffered > self._room.limits.max_buffered
        self._is_paused = self._is_client_slow or self._is_ending or is_full
        if self._is_paused:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _peek(piece: bytes | FrameFault) -> Peek | None:
    try:
        return peek(piece.body if isinstance(piece, FrameFault) else piece)
    except DecodeError:
        return None


def _verdict(received: Received, *, is_stored: bool) -> tuple[AckCode, str]:
    if not is_stored:
        return AckCode.ERROR, "not stored, send again"
    if received.message.fault:
        return AckCode.REJECT, received.message.fault
    if received.peek is None:
        return AckCode.REJECT, "no readable MSH"
    return AckCode.ACCEPT, ""


def _is_answered(received: Received, code: AckCode) -> bool:
    """Tell whether to answer: bytes between frames are nobody's message, an answer would be taken for the next one's."""
    if received.message.fault == FrameFaultKind.GARBAGE:
        return False
    return received.peek is None or wants_answer(received.peek, code)
