"""The header of a message, read from its bytes without touching the rest. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.15.9."""

from __future__ import annotations

import re

import msgspec

from worker.decode.hl7v2.charset import decode_text, narrow
from worker.decode.hl7v2.escapes import unescape
from worker.decode.hl7v2.segment import pick, pick_first
from worker.decode.hl7v2.separators import Separators, read_separators
from worker.model.errors import DecodeError

_HEADER_FIELDS = 22  # MSH-1 to MSH-21, and the name in front

# What may stand before MSH in one body: a mark, framing, blank lines, the headers of a batch of one.
_LEAD = re.compile(rb"(?:\xef\xbb\xbf|[\s\x00\x0b\x1c])*(?:[FB]HS[^\r\n]*[\r\n][\s\x00\x0b\x1c]*)*(?=MSH)")


class Peek(msgspec.Struct, frozen=True, gc=False, eq=False):
    """What the header says, enough to route, to drop and to acknowledge a message.

    Shape: `message_type` is MSH-9.1^MSH-9.2 ("ORU^R01"), or MSH-9.1 alone where there is no trigger event ("ACK"). `header`
    holds the raw fields under their numbers (`header[10]` is MSH-10), always up to MSH-21. The properties are texts
    without escapes, empty where the field is; each reads its field when it is asked for.
    """

    message_type: str
    header: list[str]
    separators: Separators

    def __repr__(self) -> str:
        """Show the type only: a header can name people."""
        return f"<Peek {self.message_type}>"

    @property
    def control_id(self) -> str:
        """Return MSH-10."""
        field = self.header[10]
        return unescape(field, self.separators) if self.separators.escape in field else field

    @property
    def sending_application(self) -> str:
        """Return MSH-3.1, the namespace id."""
        return pick(self.header[3], self.separators, 1, 1)

    @property
    def sending_facility(self) -> str:
        """Return MSH-4.1, the namespace id."""
        return pick(self.header[4], self.separators, 1, 1)

    @property
    def charset(self) -> str:
        """Return MSH-18 as it stands, with its repeats."""
        return self.header[18]

    @property
    def version(self) -> str:
        """Return MSH-12.1."""
        return pick(self.header[12], self.separators, 1, 1)

    @property
    def message_time(self) -> str:
        """Return MSH-7 as it stands."""
        return self.header[7]


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
    return split_header(line)


def split_header(line: str) -> Peek:
    """Split the text of a MSH segment.

    Raises: DecodeError where its separators cannot be used.
    """
    sign = line[3:4]
    if not sign:
        raise DecodeError("MSH without a field separator", "MSH-1")
    fields = line.split(sign)
    if len(fields) < _HEADER_FIELDS:
        fields += [""] * (_HEADER_FIELDS - len(fields))
    separators = read_separators(sign + fields[1])
    fields.insert(1, sign)
    kind, trigger = pick_first(fields[9], separators, 2)
    return Peek(f"{kind}^{trigger}" if trigger else kind, fields, separators)


def _decode_header(raw: bytes) -> str:
    """Decode a header that is not plain ASCII: MSH-18 is ASCII in any case, so it can be read first."""
    fields = raw.split(raw[3:4]) if raw[3:4] else []
    stated = fields[17].decode("ascii", "replace") if len(fields) > 17 else ""
    repetition = fields[1][1:2].decode("ascii", "replace") if len(fields) > 1 else "~"
    return decode_text(raw, stated, repetition or "~").text
