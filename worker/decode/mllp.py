"""MLLP framing of a byte stream, without the stream. Pure: no I/O, no clock. HL7 Transport Specification: MLLP, Release 1.

`0x0B body 0x0D`-terminated segments `0x1C 0x0D`. The states and what each byte does:

| state | start block 0x0B | end block 0x1C | CR LF NUL | other |
|---|---|---|---|---|
| between frames | frame begins | garbage | passed over | garbage |
| in a frame | fault TRUNCATED, frame begins | frame ends | body | body; fault OVERSIZE beyond the limit |
| after OVERSIZE | frame begins | passed over | passed over | passed over |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

START_BLOCK = 0x0B
END_BLOCK = 0x1C
_END = b"\x1c\r"
_STRAY = b"\r\n\x00"


class FrameFaultKind(StrEnum):
    """Name what can be wrong with frames, and with messages of files; each is a constant phrase that can be counted."""

    GARBAGE = "bytes between frames"
    OVERSIZE = "frame larger than the limit"
    TRUNCATED = "frame without an end block"
    OVERLONG = "message larger than the limit"


@dataclass(frozen=True, slots=True)
class FrameFault:
    """Bytes that are no frame, or no message that is taken.

    Shape: `body` what came, at most as much as the limit; `count` how many bytes came (for OVERSIZE: at least).
    """

    kind: FrameFaultKind
    count: int
    body: bytes


class _State(Enum):
    BETWEEN = 1
    IN_FRAME = 2
    SKIPPING = 3


class MllpReader:
    """Cut a byte stream into frames; how the stream is cut into chunks makes no difference to what comes out in the end."""

    def __init__(self, max_bytes: int) -> None:
        """Take the largest body that is accepted; nothing larger is ever held."""
        self._max_bytes = max_bytes
        self._state = _State.BETWEEN
        self._buffer = bytearray()
        self._scanned = 0
        self._garbage = bytearray()
        self._garbage_count = 0

    @property
    def is_idle(self) -> bool:
        """Tell whether no frame has begun: the peer may close without a loss."""
        return self._state is not _State.IN_FRAME

    def feed(self, data: bytes) -> list[bytes | FrameFault]:
        """Take the next bytes of the stream, and give the bodies and faults that they complete, in order."""
        if self._is_one_frame(data):
            return [data[1:-2]]
        self._buffer += data
        events: list[bytes | FrameFault] = []
        while self._buffer and self._step(events):
            pass
        return events

    def finish(self) -> list[bytes | FrameFault]:
        """Give the faults that the end of the stream completes, and start anew."""
        events: list[bytes | FrameFault] = []
        self._end_garbage(events)
        if self._state is _State.IN_FRAME:
            events.append(FrameFault(FrameFaultKind.TRUNCATED, len(self._buffer), bytes(self._buffer)))
        self._buffer.clear()
        self._enter(_State.BETWEEN)
        return events

    def _is_one_frame(self, data: bytes) -> bool:
        """Tell whether the chunk is exactly one frame and nothing waits: the way of nearly every message."""
        return (
            not self._buffer
            and self._state is _State.BETWEEN
            and not self._garbage_count
            and data[:1] == b"\x0b"
            and data[-1:] == b"\r"
            and data.find(END_BLOCK) == len(data) - len(_END)
            and data.find(START_BLOCK, 1) < 0
            and len(data) - len(_END) <= self._max_bytes + 1
        )

    def _step(self, events: list[bytes | FrameFault]) -> bool:
        """Use up bytes of the buffer; tell whether another step may find more."""
        if self._state is _State.IN_FRAME:
            return self._read_frame(events)
        start = self._buffer.find(START_BLOCK)
        if self._state is _State.BETWEEN:
            self._keep_garbage(self._buffer if start < 0 else self._buffer[:start])
        if start < 0:
            self._buffer.clear()
            return False
        self._end_garbage(events)
        del self._buffer[: start + 1]
        self._enter(_State.IN_FRAME)
        return True

    def _read_frame(self, events: list[bytes | FrameFault]) -> bool:
        buffer = self._buffer
        end = buffer.find(END_BLOCK, self._scanned)
        stop = end if end >= 0 else len(buffer)
        restart = buffer.find(START_BLOCK, self._scanned, stop)
        if restart >= 0:
            stop = restart
        if stop > self._max_bytes:
            events.append(
                FrameFault(FrameFaultKind.OVERSIZE, self._max_bytes + 1, bytes(buffer[: self._max_bytes]))
            )
            del buffer[: self._max_bytes + 1]
            self._enter(_State.SKIPPING)
            return True
        if restart >= 0:
            events.append(FrameFault(FrameFaultKind.TRUNCATED, restart, bytes(buffer[:restart])))
            del buffer[: restart + 1]
            self._enter(_State.IN_FRAME)
            return True
        if end < 0:
            self._scanned = len(buffer)
            return False
        events.append(bytes(buffer[:end]))
        del buffer[: end + 1]
        self._enter(_State.BETWEEN)
        return True

    def _enter(self, state: _State) -> None:
        self._state = state
        self._scanned = 0

    def _keep_garbage(self, data: bytes | bytearray) -> None:
        garbage = data.translate(None, _STRAY)
        self._garbage_count += len(garbage)
        self._garbage += garbage[: max(0, self._max_bytes - len(self._garbage))]

    def _end_garbage(self, events: list[bytes | FrameFault]) -> None:
        if self._garbage_count:
            events.append(FrameFault(FrameFaultKind.GARBAGE, self._garbage_count, bytes(self._garbage)))
        self._garbage_count = 0
        self._garbage.clear()


def frame(body: bytes) -> bytes:
    """Put a body into a frame.

    Raises: ValueError where the body holds a start or end block: the receiver could not find its end.
    """
    if START_BLOCK in body or END_BLOCK in body:
        msg = "a body cannot hold 0x0B or 0x1C"
        raise ValueError(msg)
    return b"\x0b" + body + _END
