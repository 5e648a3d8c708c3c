"""Messages with the line ends, wrapped texts and headers that real senders write."""

from __future__ import annotations

import pytest

from worker.decode.hl7v2 import Hl7Message, decode_message
from worker.model.errors import DecodeError

MSH = "MSH|^~\\&|LAB|H|LP|H|20260101||ORU^R01|7|P|2.5.1"


def _decoded(*lines: str, end: str = "\r") -> Hl7Message:
    return decode_message(end.join([MSH, *lines]).encode())


def _names(message: Hl7Message) -> list[str]:
    return [segment.name for segment in message.segments]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r", "\n\n", "\r\n\r\n"])
def test_any_line_end_gives_the_same_segments(end: str) -> None:
    message = _decoded("PID|1||42", "OBR|1", "OBX|1|NM|a||1", "OBX|2|NM|b||2", "", end=end)
    assert _names(message) == ["MSH", "PID", "OBR", "OBX", "OBX"]
    assert [segment.raw(5) for segment in message.all("OBX")] == ["1", "2"]


def test_mixed_line_ends_give_every_segment() -> None:
    message = decode_message(f"{MSH}\rPID|1||42\r\nOBR|1\nOBX|1|NM|a||1\rOBX|2|NM|b||2\nZPI|x\n".encode())
    assert _names(message) == ["MSH", "PID", "OBR", "OBX", "OBX", "ZPI"]


def test_line_feed_inside_a_text_ends_no_segment() -> None:
    message = _decoded("OBX|1|TX|a||severe headache\nCSF|12 cells\nMRI\nno fever|||N|||F", "NTE|1||end")
    assert _names(message) == ["MSH", "OBX", "NTE"]
    assert message.all("OBX")[0].line.endswith("no fever|||N|||F")
    assert message.all("OBX")[0].raw(5) == "severe headache\nCSF"


def test_wrapped_text_keeps_its_lines_and_the_fields_after_it() -> None:
    message = _decoded("OBX|1|TX|a||one", "two", "", "  three|||N|||F|||20260101", "OBX|2|TX|a||x", end="\n")
    obx = message.all("OBX")[0]
    assert obx.text(5) == "one\ntwo\n\n  three"
    assert (obx.raw(11), obx.raw(14)) == ("F", "20260101")
    assert len(message.all("OBX")) == 2


def test_carriage_return_inside_a_text_of_a_line_feed_message_is_text() -> None:
    message = _decoded("OBX|1|TX|a||one\rtwo", "NTE|1||end", end="\n")
    assert message.all("OBX")[0].text(5) == "one\ntwo"
    assert _names(message) == ["MSH", "OBX", "NTE"]


def test_bare_segment_name_is_a_segment_and_a_bare_word_is_text() -> None:
    message = _decoded("MSA", "OBX", "OBX|1|TX|a||see", "MRI", "NTE")
    assert _names(message) == ["MSH", "MSA", "OBX", "OBX", "NTE"]
    assert message.all("OBX")[0].raw(5) == ""
    assert message.all("OBX")[1].text(5) == "see\nMRI"


def test_indented_segments_are_segments() -> None:
    message = decode_message(f"  {MSH}\n  PID|1||42\n    OBX|1|NM|a||1\n".encode())
    assert _names(message) == ["MSH", "PID", "OBX"]


def test_custom_and_z_segments_are_kept_in_place() -> None:
    message = _decoded("PID|1", "ZLP|1|x", "XY1|2", "OBX|1|NM|a||1")
    assert _names(message) == ["MSH", "PID", "ZLP", "XY1", "OBX"]
    assert message.all("ZLP")[0].raw(2) == "x"


def test_envelope_of_a_batch_of_one_is_left_out() -> None:
    message = decode_message(f"FHS|^~\\&|a\rBHS|^~\\&|b\r{MSH}\rPID|1\rBTS|1\rFTS|1".encode())
    assert _names(message) == ["MSH", "PID"]


def test_framing_bytes_and_blank_lines_around_a_message_are_passed_over() -> None:
    message = decode_message(f"\x0b\r\n{MSH}\rPID|1\r\x1c\r".encode())
    assert _names(message) == ["MSH", "PID"]


def test_two_messages_in_one_body_are_refused() -> None:
    with pytest.raises(DecodeError, match="more than one message"):
        _decoded("PID|1||42", MSH, "PID|1||43")


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"PID|1", b"MSH", b"hello MSH|^~\\&|", b"{}", b"\x00\x01\xff"]
)
def test_bytes_without_a_header_are_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_message(body)


def test_first_and_all_find_segments_by_name() -> None:
    message = _decoded("PID|1||42", "OBX|1", "OBX|2")
    pid = message.first("PID")
    assert pid is not None
    assert pid.raw(3) == "42"
    assert [segment.index for segment in message.all("OBX")] == [1, 2]
    assert message.first("PV1") is None
    assert message.all("PV1") == ()


def test_nothing_of_the_patient_shows_in_a_representation() -> None:
    message = _decoded("PID|1||SECRET")
    pid = message.all("PID")[0]
    assert "SECRET" not in f"{message!r} {pid!r} {pid.field(3)!r}"
