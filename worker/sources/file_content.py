"""Tell what the bytes of a file are, and cut them into messages; by content, never by extension."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum

import msgspec

from worker.decode.hl7v2 import split_messages
from worker.decode.hl7v2.charset import narrow
from worker.decode.mllp import FrameFault, MllpReader
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

    Shape: MLLP and NDJSON need memory for one message, the other kinds for the whole file.
    """
    if content is Content.MLLP:
        yield from _cut_frames(read, max_bytes)
    elif content is Content.NDJSON:
        yield from _cut_lines(read)
    elif content is Content.HL7V2:
        yield from split_messages(read(-1))
    elif content is Content.JSON:
        yield narrow(read(-1))


def _cut_frames(read: ReadChunk, max_bytes: int) -> Iterator[bytes | FrameFault]:
    reader = MllpReader(max_bytes)
    while chunk := read(_CHUNK):
        yield from unpack(reader.feed(chunk))
    yield from reader.finish()


def _cut_lines(read: ReadChunk) -> Iterator[bytes]:
    rest = b""
    while chunk := read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in map(_clean, lines) if line)
    if last := _clean(rest):
        yield last


def _clean(line: bytes) -> bytes:
    return line.removeprefix(_BOM).strip(_BLANK)
