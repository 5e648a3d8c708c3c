"""Tell what the bytes of a file are, and cut them into messages; by content, never by extension."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum

import msgspec

from worker.decode.hl7v2 import split_messages
from worker.decode.hl7v2.charset import narrow
from worker.decode.mllp import FrameFault, FrameFaultKind, MllpReader
from worker.sources.frames import unpack

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_FRAME_START = b"\x0b"
_HEADER_SEGMENT = re.compile(rb"(?:MSH|FHS|BHS)[^A-Za-z0-9\s]")
_ANY_SEGMENT = re.compile(rb"[A-Z][A-Z0-9]{2}\|")
_LATER_HEADER = re.compile(rb"[\r\n\x0b]MSH[^A-Za-z0-9\s]\S{3,5}")
_CHUNK = 1024 * 1024

ReadChunk = Callable[[int], bytes]


class Content(StrEnum):
    """Name what a file holds."""

    MLLP = "mllp"
    HL7V2 = "hl7v2"
    JSON = "json"
    NDJSON = "ndjson"
    EMPTY = "empty"
    UNKNOWN = "unknown"


def recognise(head: bytes) -> Content:
    """Tell from the first bytes of a file what it holds.

    Shape: `head` is at least 64 KiB, or all of a smaller file. A file of segments without MSH counts as HL7 v2, so that
    it ends as a dead letter with a reason and not as a file that nobody read.
    """
    text = narrow(head).removeprefix(_BOM).lstrip(_BLANK)
    if not text:
        return Content.EMPTY
    if text.startswith(_FRAME_START):
        return Content.MLLP
    if text.startswith((b"{", b"[")):
        return Content.NDJSON if _has_two_documents(text) else Content.JSON
    if _HEADER_SEGMENT.match(text) or _ANY_SEGMENT.match(text) or _LATER_HEADER.search(text):
        return Content.HL7V2
    return Content.UNKNOWN


def _has_two_documents(text: bytes) -> bool:
    first, _, rest = text.partition(b"\n")
    if not rest.lstrip(_BLANK).startswith(b"{"):
        return False
    try:
        msgspec.json.decode(first, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def cut(content: Content, read: ReadChunk, max_bytes: int) -> Iterator[bytes | FrameFault]:
    """Cut the bytes that `read` gives, from the start of the file on, into messages.

    Shape: MLLP and NDJSON need memory for one message, the other kinds for the whole file. A message of more than `max_bytes`
    comes as a fault with its beginning, and those after it as if nothing had been.
    """
    if content is Content.MLLP:
        yield from _cut_frames(read, max_bytes)
    elif content is Content.NDJSON:
        yield from _cut_lines(read, max_bytes)
    elif content is Content.HL7V2:
        yield from (_within(piece, len(piece), max_bytes) for piece in split_messages(read(-1)))
    elif content is Content.JSON:
        document = narrow(read(-1))
        yield _within(document, len(document), max_bytes)


def _cut_frames(read: ReadChunk, max_bytes: int) -> Iterator[bytes | FrameFault]:
    reader = MllpReader(max_bytes)
    while chunk := read(_CHUNK):
        yield from unpack(reader.feed(chunk))
    yield from reader.finish()


def _cut_lines(read: ReadChunk, max_bytes: int) -> Iterator[bytes | FrameFault]:
    """Cut at line ends; of a line that is too long no more is held than its beginning."""
    line, count = bytearray(), 0
    while chunk := read(_CHUNK):
        first, *others = chunk.split(b"\n")
        line += first[: max(0, max_bytes - len(line))]
        count += len(first)
        for other in others:
            yield from _line(line, count, max_bytes)
            line, count = bytearray(other[:max_bytes]), len(other)
    yield from _line(line, count, max_bytes)


def _line(line: bytearray, count: int, max_bytes: int) -> Iterator[bytes | FrameFault]:
    if body := _clean(bytes(line)):
        yield _within(body, count, max_bytes)


def _within(piece: bytes, count: int, max_bytes: int) -> bytes | FrameFault:
    """Give a message as it is, or as a fault where it has more bytes than it may."""
    if count <= max_bytes:
        return piece
    return FrameFault(FrameFaultKind.OVERLONG, count, piece[:max_bytes])


def _clean(line: bytes) -> bytes:
    return line.removeprefix(_BOM).strip(_BLANK)
