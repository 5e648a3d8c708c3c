"""Take messages out of MLLP frames, also where a frame holds a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from worker.decode.hl7v2 import split_messages
from worker.decode.mllp import FrameFault


def unpack(pieces: Sequence[bytes | FrameFault]) -> Sequence[bytes | FrameFault]:
    """Give one message after the other; faults stay as they are.

    Shape: nearly every frame is one message and is passed on untouched; a frame with a second MSH is cut.
    """
    if not any(map(_is_batch, pieces)):
        return pieces
    return [each for piece in pieces for each in _cut(piece)]


def _is_batch(piece: bytes | FrameFault) -> bool:
    return isinstance(piece, bytes) and (b"\rMSH" in piece or b"\nMSH" in piece)


def _cut(piece: bytes | FrameFault) -> Iterable[bytes | FrameFault]:
    return split_messages(piece) if isinstance(piece, bytes) and _is_batch(piece) else (piece,)
