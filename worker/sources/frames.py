"""Take messages out of MLLP frames, also where a frame holds a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from worker.decode.hl7v2 import split_messages
from worker.decode.mllp import FrameFault


def unpack(pieces: Iterable[bytes | FrameFault]) -> Iterator[bytes | FrameFault]:
    """Give one message after the other; faults stay as they are.

    Shape: nearly every frame is one message and is passed on untouched; a frame with a second MSH is cut.
    """
    for piece in pieces:
        if isinstance(piece, bytes) and (b"\rMSH" in piece or b"\nMSH" in piece):
            yield from split_messages(piece)
        else:
            yield piece
