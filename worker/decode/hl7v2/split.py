"""One message after the other from a file, a batch or a capture. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.10.3, MLLP R1."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from worker.decode.hl7v2.charset import narrow

if TYPE_CHECKING:
    from collections.abc import Iterator

_OUTSIDE = b"\r\n\x00\x0b\x1c"
_SIGN = rb"[!-/:-@\[-`{-~]"

# Bytes that do not begin with a start block are no capture; there FS counts only where nothing of a message follows.
_LOOSE_END = re.compile(rb"\x1c(?=[\s\x00\x1c]*(?:\x0b|(?:MSH|[FB]HS)" + _SIGN + rb"|\Z))")
_FRAME_END = re.compile(rb"\x1c")
# MSH, its separator and one encoding character at the start of a line. "MSH, the hospital" in a text is no message.
_HEADER = re.compile(rb"MSH" + _SIGN + rb"{2}")
_ENVELOPE = re.compile(rb"[ \t]*(?:FHS|BHS|BTS|FTS)(?:" + _SIGN + rb"|\Z)")
_LEADING_ENVELOPE = re.compile(
    rb"[\s\x00\x1c]*(?:(?:FHS|BHS|BTS|FTS)(?:" + _SIGN + rb"[^\r\n]*)?(?:[\r\n][\s\x00\x1c]*|\Z))*"
)


def split_messages(data: bytes) -> Iterator[bytes]:
    """Give the bytes of one message after the other.

    Shape: any line ends; MLLP frames one after another; file and batch envelopes (FHS BHS BTS FTS) or batches without one.
    Nothing is lost: bytes that belong to no message come as a piece of their own, which `peek` then refuses; only blanks,
    framing and envelopes are left out. UTF-16 and UTF-32 come as UTF-8; a UTF-8 mark is put before every message of its file.
    """
    data = narrow(data)
    mark = b""
    if data.startswith(codecs.BOM_UTF8):
        mark, data = codecs.BOM_UTF8, data[3:]
    for frame in _frames(data):
        for piece in _pieces(frame):
            message = _without_envelope(piece)
            if message:
                yield message if message.startswith(mark) else mark + message


def _frames(data: bytes) -> Iterator[bytes]:
    start = 0
    is_capture = data.lstrip(b"\r\n\x00").startswith(b"\x0b")
    for end in (_FRAME_END if is_capture else _LOOSE_END).finditer(data):
        yield data[start : end.start()]
        start = end.end()
    yield data[start:]


def _pieces(frame: bytes) -> Iterator[bytes]:
    """Cut a frame before each MSH; what stands before the first one comes first."""
    starts = [header.start() for header in _HEADER.finditer(frame) if _starts_line(frame, header.start())]
    if not starts or starts[0]:
        starts.insert(0, 0)
    for start, end in zip(starts, [*starts[1:], len(frame)], strict=True):
        yield frame[start:end]


def _starts_line(frame: bytes, position: int) -> bool:
    while position and frame[position - 1] in b" \t":
        position -= 1
    return not position or frame[position - 1] in _OUTSIDE


def _without_envelope(piece: bytes) -> bytes:
    """Take away blanks at the edges, then envelope lines from the end and, where no message comes first, from the start."""
    lead = _LEADING_ENVELOPE.match(piece)
    start = lead.end() if lead else 0
    end = len(piece.rstrip(_OUTSIDE))
    while end > start:
        line = max(piece.rfind(b"\r", start, end), piece.rfind(b"\n", start, end)) + 1 or start
        if not _ENVELOPE.match(piece, line, end):
            break
        end = line
        while end > start and piece[end - 1] in _OUTSIDE:
            end -= 1
    return piece[start:end]
