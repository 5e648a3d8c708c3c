"""One HL7 v2 message as segments. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING

import msgspec

from worker.decode.hl7v2.charset import codec_of, decode_text
from worker.decode.hl7v2.lines import joined_lines, plain_lines
from worker.decode.hl7v2.peek import Peek, find_header, read_header, split_header
from worker.decode.hl7v2.segment import Segment, SegmentIndex, build_segments
from worker.decode.hl7v2.separators import read_separators
from worker.model.errors import DecodeError
from worker.model.message import Issue, IssueKind

if TYPE_CHECKING:
    from worker.decode.hl7v2.separators import Separators


_ENVELOPE = frozenset({"FHS", "BHS", "BTS", "FTS"})


class Hl7Message(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One message: its header, its segments in order, and what was odd about its bytes.

    Shape: `segments` starts with MSH; the envelope of a batch is left out; `by_name` holds the same under their names.
    `codec` names the Python codec that read the text.
    """

    peek: Peek
    segments: tuple[Segment, ...]
    by_name: SegmentIndex
    issues: tuple[Issue, ...]
    codec: str

    def __repr__(self) -> str:
        """Show type and size only: the content may be a patient's."""
        return f"<Hl7Message {self.peek.message_type} of {len(self.segments)} segments>"

    def all(self, name: str) -> tuple[Segment, ...]:
        """Return every segment of a name, in order."""
        return tuple(self.by_name.get(name, ()))

    def first(self, name: str) -> Segment | None:
        """Return the first segment of a name, None where there is none."""
        found = self.by_name.get(name)
        return found[0] if found else None


def decode_message(body: bytes) -> Hl7Message:
    """Decode one message; its fields are split when they are asked for.

    Shape: `body` as `split_messages` or a frame gives it. Never guesses silently: a repaired MSH-2 or a character set other
    than the stated one is an issue of the message.

    Raises: DecodeError where no usable MSH starts the body, or a second MSH follows: two patients must not become one.
    """
    if body.startswith(b"MSH") and body.isascii() and b"\x1b" not in body:
        text = body.decode("ascii")
        lines = plain_lines(text)
        if lines is not None:
            header = split_header(lines[0])
            stated = header.header[18]
            separators = _with_codec(
                header, codec_of(stated, header.separators.repetition) if stated else "utf-8"
            )
            found = build_segments(header.header, lines[1:], separators)
            if found is not None:
                return _message(header, found, separators, "")
    return _decode_odd(body)


def _decode_odd(body: bytes) -> Hl7Message:
    """Decode a message with a mark, other characters than ASCII, something before MSH, or lines that are no segments."""
    data, start = find_header(body)
    header = read_header(data, start)
    if start:
        data = (BOM_UTF8 if data.startswith(BOM_UTF8) else b"") + data[start:]
    text, codec, remark = decode_text(data, header.charset, header.separators.repetition)
    separators = _with_codec(header, codec)
    lines = plain_lines(text)
    found = None if lines is None else build_segments(split_header(lines[0]).header, lines[1:], separators)
    if found is None:
        lines = joined_lines(text, separators)
        found = build_segments(split_header(lines[0]).header, lines[1:], separators)
    if found is None:
        raise DecodeError("no MSH segment at the start", "MSH")
    return _message(header, found, separators, remark)


def _with_codec(header: Peek, codec: str) -> Separators:
    separators = header.separators
    return (
        separators
        if codec == separators.codec
        else read_separators(separators.field + header.header[2], codec)
    )


def _message(header: Peek, found: SegmentIndex, separators: Separators, remark: str) -> Hl7Message:
    if len(found["MSH"]) > 1:
        raise DecodeError("more than one message in one body", "MSH[2]")
    if found[""][-1].name in _ENVELOPE:
        found[""] = [segment for segment in found[""] if segment.name not in _ENVELOPE]
        found = {name: segments for name, segments in found.items() if name not in _ENVELOPE}
    issues = _issues(remark, separators) if remark or not separators.is_regular else ()
    return Hl7Message(header, tuple(found[""]), found, issues, separators.codec)


def _issues(remark: str, separators: Separators) -> tuple[Issue, ...]:
    issues: tuple[Issue, ...] = ()
    if remark:
        issues = (Issue(IssueKind.CHARSET, "MSH-18", remark),)
    if not separators.is_regular:
        issues = (*issues, Issue(IssueKind.BAD_VALUE, "MSH-2", "encoding characters repaired"))
    return issues
