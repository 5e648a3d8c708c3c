"""A message that could not be used, on its way to those who mend feeds. Pure: no I/O, no clock."""

from __future__ import annotations

import msgspec

from worker.model.message import Form
from worker.model.time import EpochMs


class DeadLetter(msgspec.Struct, frozen=True):
    """The bytes of a message as they were received, and why they could not be used.

    Shape: `reason` and `place` hold no data of the patient; `place` and `feed` are empty where they are not known.
    `omitted` bytes of the message were too many for where it goes: then `body` is empty, and the quarantine has them.
    """

    body: bytes
    form: Form
    transport: str
    received_at_ms: EpochMs
    reason: str
    place: str = ""
    feed: str = ""
    omitted: int = 0


_decoder = msgspec.msgpack.Decoder(DeadLetter)


def encode_dead_letter(letter: DeadLetter) -> bytes:
    """Write a dead letter as it waits in the outbox."""
    return msgspec.msgpack.encode(letter)


def decode_dead_letter(data: bytes) -> DeadLetter:
    """Read what `encode_dead_letter` wrote.

    Raises: msgspec.DecodeError where it did not write this.
    """
    return _decoder.decode(data)
