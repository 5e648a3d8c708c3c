"""The header of a message, read from its bytes without touching the rest. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.15.9."""

from __future__ import annotations

import re
from typing import NamedTuple

from worker.decode.hl7v2.charset import decode_text, narrow
from worker.decode.hl7v2.escapes import unescape
from worker.decode.hl7v2.segment import pick
from worker.decode.hl7v2.separators import Separators, read_separators
from worker.model.errors import DecodeError

_HEADER_FIELDS = 22  # MSH-1 to MSH-21, and the name in front

# What may stand before MSH in one body: a mark, framing, blank lines, the headers of a batch of one.
_LEAD = re.compile(rb"(?:\xef\xbb\xbf|[\s\x00\x0b\x1c])*(?:[FB]HS[^\r\n]*[\r\n][\s\x00\x0b\x1c]*)*(?=MSH)")


# A NamedTuple, not a dataclass: it is made for every message, also for those that are dropped, in half the time.
class Peek(NamedTuple):
    """What the header says, enough to route, to drop and to acknowledge a message.

    Shape: all texts, empty where the field is. `message_type` is MSH-9.1^MSH-9.2 ("ORU^R01"; "ACK" without a trigger),
    `sending_application` and `sending_facility` the namespace ids (MSH-3.1, MSH-4.1), `message_time` MSH-7 and `charset`
    MSH-18 as they stand. `header` holds the raw fields under their numbers (`header[10]` is MSH-10), always up to MSH-21.
    """

    message_type: str
    control_id: str
    sending_application: str
    sending_facility: str
    charset: str
    version: str
    message_time: str
    separators: Separators
    header: tuple[str, ...]


def peek(body: bytes) -> Peek:
    """Read the header of one message.

    Shape: `body` as `split_messages` or a frame gives it; marks, blank lines and batch headers before MSH are passed over.

    Raises: DecodeError where no MSH segment starts the body or its separators cannot be used.
    """
    data, start = find_header(body)
    return read_header(data, start)


def find_header(body: bytes) -> tuple[bytes, int]:
    """Find the MSH segment: the bytes, never UTF-16 or UTF-32, and the position of MSH in them.

    Raises: DecodeError where no MSH segment starts the body.
    """
    if body.startswith(b"MSH"):
        return body, 0
    data = narrow(body.lstrip(b"\x0b"))
    lead = _LEAD.match(data)
    if lead is None:
        raise DecodeError("no MSH segment at the start", "MSH")
    return data, lead.end()


def read_header(data: bytes, start: int) -> Peek:
    """Read the MSH segment that starts at a position.

    Raises: DecodeError where its separators cannot be used.
    """
    end = data.find(b"\r", start)
    feed = data.find(b"\n", start, end if end >= 0 else len(data))
    if feed >= 0:
        end = feed
    raw = data[start:end] if end >= 0 else data[start:]
    line = raw.decode("ascii") if raw.isascii() else _decode_header(raw)
    sign = line[3:4]
    if not sign:
        raise DecodeError("MSH without a field separator", "MSH-1")
    fields = line.split(sign)
    if len(fields) < _HEADER_FIELDS:
        fields += [""] * (_HEADER_FIELDS - len(fields))
    encoding = fields[1]
    separators = read_separators(sign + encoding)
    fields.insert(1, sign)
    if line.find(separators.escape, 4 + len(encoding)) >= 0:
        return _peek_escaped(tuple(fields), separators)
    component = separators.component
    kind = fields[9].split(component, 2)
    return Peek(
        f"{kind[0]}^{kind[1]}" if len(kind) > 1 and kind[1] else kind[0],
        fields[10],
        fields[3].split(component, 1)[0],
        fields[4].split(component, 1)[0],
        fields[18],
        fields[12].split(component, 1)[0],
        fields[7],
        separators,
        tuple(fields),
    )


def _peek_escaped(header: tuple[str, ...], separators: Separators) -> Peek:
    """Make the same of a header with escapes, which is rare."""
    kind, trigger = pick(header[9], separators, 1, 1), pick(header[9], separators, 2, 1)
    return Peek(
        f"{kind}^{trigger}" if trigger else kind,
        unescape(header[10], separators),
        pick(header[3], separators, 1, 1),
        pick(header[4], separators, 1, 1),
        header[18],
        pick(header[12], separators, 1, 1),
        header[7],
        separators,
        header,
    )


def _decode_header(raw: bytes) -> str:
    """Decode a header that is not plain ASCII: MSH-18 is ASCII in any case, so it can be read first."""
    fields = raw.split(raw[3:4]) if raw[3:4] else []
    stated = fields[17].decode("ascii", "replace") if len(fields) > 17 else ""
    repetition = fields[1][1:2].decode("ascii", "replace") if len(fields) > 1 else "~"
    return decode_text(raw, stated, repetition or "~").text
