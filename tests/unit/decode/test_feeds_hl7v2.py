"""Real HL7 v2 messages: every file is read, every OBX is found, no text is lost."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from worker.decode.hl7v2 import Hl7Message, decode_message, peek, result_groups, split_messages
from worker.decode.mllp import FrameFault, MllpReader
from worker.model.errors import DecodeError

LINE_END = re.compile(rb"\r\n|\r|\n")
# Where each refused piece of the feeds comes from, reviewed one by one: none is an HL7 v2 message.
REFUSED = {
    "no MSH segment at the start": 48,  # licences, JSON wrappers, lists of fields, Markdown
    "separators are not distinct": 1,  # a message with MSH-2 "&&&&", made to be refused
}


@cache
def _files(shared: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((shared / "feeds" / "hl7").rglob("*")) if path.is_file()]


@cache
def _capture(shared: Path) -> bytes:
    return gzip.decompress((shared / "feeds" / "simhospital" / "lp.mllp.gz").read_bytes())


@cache
def _decoded(shared: Path) -> list[tuple[bytes, Hl7Message]]:
    pieces = [piece for data in _files(shared) for piece in split_messages(data)]
    readable = [piece for piece in pieces if _refusal(piece) is None]
    return [(piece, decode_message(piece)) for piece in readable]


def _refusal(piece: bytes) -> str | None:
    try:
        decode_message(piece)
    except DecodeError as error:
        return error.reason
    return None


def test_only_what_is_no_message_is_refused(shared: Path) -> None:
    reasons = Counter(_refusal(piece) for data in _files(shared) for piece in split_messages(data))
    del reasons[None]
    assert reasons == REFUSED


def test_every_header_line_of_the_files_is_a_message(shared: Path) -> None:
    headers = sum(len(re.findall(rb"(?:^|[\r\n])[\xef\xbb\xbf]*MSH[|$]", data)) for data in _files(shared))
    assert len(_decoded(shared)) == headers - REFUSED["separators are not distinct"]


def test_every_line_that_starts_as_an_obx_is_an_obx(shared: Path) -> None:
    for piece, message in _decoded(shared):
        expected = sum(line.startswith(b"OBX|") for line in LINE_END.split(piece))
        assert len(message.all("OBX")) == expected


def test_every_text_of_an_obx_is_found(shared: Path) -> None:
    for piece, message in _decoded(shared):
        lines = [line.split(b"|") for line in LINE_END.split(piece) if line.startswith(b"OBX|")]
        expected = [(fields[5] if len(fields) > 5 else b"") for fields in lines]
        assert [
            segment.raw(5).split("\n")[0].encode(message.codec) for segment in message.all("OBX")
        ] == expected


def test_every_result_is_in_a_group_of_its_patient(shared: Path) -> None:
    for _, message in _decoded(shared):
        groups = result_groups(message)
        grouped = [item.obx.index for group in groups for item in group.obxs]
        assert grouped == [segment.index for segment in message.all("OBX")]
        assert all(group.pid is not None for group in groups if group.obxs and message.first("PID"))


def test_messages_with_odd_bytes_say_so(shared: Path) -> None:
    issues = Counter(
        (issue.place, issue.subject) for _, message in _decoded(shared) for issue in message.issues
    )
    assert issues["MSH-2", "encoding characters repaired"] == 16


def test_capture_of_the_simulated_hospital_is_read_whole(shared: Path) -> None:
    data = _capture(shared)
    bodies = list(split_messages(data))
    assert len(bodies) == 2154
    kinds = Counter(peek(body).message_type.split("^")[0] for body in bodies)
    assert (kinds["ORU"], kinds["MDM"]) == (894, 71)
    found = sum(len(decode_message(body).all("OBX")) for body in bodies)
    assert found == len(re.findall(rb"\rOBX\|", data))


@pytest.mark.parametrize("size", [1, 997, 65_536])
def test_reader_and_splitter_agree_on_the_capture(shared: Path, size: int) -> None:
    data = _capture(shared)[: 200_000 if size == 1 else None]
    reader = MllpReader(1_000_000)
    events = [
        event for start in range(0, len(data), size) for event in reader.feed(data[start : start + size])
    ]
    bodies = [event for event in events if not isinstance(event, FrameFault)]
    assert len(bodies) == len(events)
    expected = list(split_messages(data))
    assert [body.rstrip(b"\r") for body in bodies] == expected[: len(bodies)]
    assert len(bodies) == len(expected) or size == 1
