"""One HL7 v2 message as segments. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import TYPE_CHECKING

from worker.decode.hl7v2.charset import decode_text
from worker.decode.hl7v2.lines import joined_lines, plain_lines
from worker.decode.hl7v2.peek import find_header, read_header
from worker.decode.hl7v2.segment import build_segments
from worker.decode.hl7v2.separators import read_separators
from worker.model.errors import DecodeError
from worker.model.message import Issue, IssueKind

if TYPE_CHECKING:
    from worker.decode.hl7v2.peek import Peek
    from worker.decode.hl7v2.segment import Segment
    from worker.decode.hl7v2.separators import Separators


class Hl7Message:
    """One message: its header, its segments in order, and what was odd about its bytes.

    Shape: `segments` starts with MSH; the envelope of a batch is left out. `codec` names the Python codec that read the text.
    """

    __slots__ = ("_by_name", "codec", "issues", "peek", "segments")

    def __init__(
        self, peek: Peek, segments: tuple[Segment, ...], issues: tuple[Issue, ...], codec: str
    ) -> None:
        """Take what `decode_message` has found."""
        self.peek = peek
        self.segments = segments
        self.issues = issues
        self.codec = codec
        self._by_name: dict[str, tuple[Segment, ...]] | None = None

    def __repr__(self) -> str:
        """Show type and size only: the content may be a patient's."""
        return f"<Hl7Message {self.peek.message_type} of {len(self.segments)} segments>"

    def all(self, name: str) -> tuple[Segment, ...]:
        """Return every segment of a name, in order."""
        if self._by_name is None:
            found: dict[str, list[Segment]] = {}
            for segment in self.segments:
                found.setdefault(segment.name, []).append(segment)
            self._by_name = {key: tuple(segments) for key, segments in found.items()}
        return self._by_name.get(name, ())

    def first(self, name: str) -> Segment | None:
        """Return the first segment of a name, None where there is none."""
        for segment in self.segments:
            if segment.name == name:
                return segment
        return None


def decode_message(body: bytes) -> Hl7Message:
    """Decode one message; its fields are split when they are asked for.

    Shape: `body` as `split_messages` or a frame gives it. Never guesses silently: a repaired MSH-2 or a character set other
    than the stated one is an issue of the message.

    Raises: DecodeError where no usable MSH starts the body, or a second MSH follows: two patients must not become one.
    """
    data, start = find_header(body)
    header = read_header(data, start)
    separators = header.separators
    if start:
        data = (BOM_UTF8 if data.startswith(BOM_UTF8) else b"") + data[start:]
    decoded = decode_text(data, header.charset, separators.repetition)
    if decoded.codec != separators.codec:
        separators = read_separators(separators.field + header.header[2], decoded.codec)
    segments = _segments(decoded.text, separators)
    return Hl7Message(header, segments, _issues(decoded.remark, separators), decoded.codec)


def _segments(text: str, separators: Separators) -> tuple[Segment, ...]:
    lines = plain_lines(text)
    segments = None if lines is None else build_segments(lines, separators)
    if segments is None:
        segments = build_segments(joined_lines(text, separators), separators)
    if segments is None:
        raise DecodeError("no MSH segment at the start", "MSH")
    return segments


def _issues(remark: str, separators: Separators) -> tuple[Issue, ...]:
    issues: tuple[Issue, ...] = ()
    if remark:
        issues = (Issue(IssueKind.CHARSET, "MSH-18", remark),)
    if not separators.is_regular:
        issues = (*issues, Issue(IssueKind.BAD_VALUE, "MSH-2", "encoding characters repaired"))
    return issues
