"""Files, batches and captures, one message after the other."""

from __future__ import annotations

import pytest

from worker.decode.hl7v2 import decode_message, peek, split_messages
from worker.decode.mllp import frame
from worker.model.errors import DecodeError

ONE = b"MSH|^~\\&|A|H|||20260101||ORU^R01|1\rPID|1\rOBX|1|TX|n||text"
TWO = b"MSH|^~\\&|A|H|||20260101||ORU^R01|2\rPID|2"


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"\x0b\x1c\r", b"\xef\xbb\xbf", b"FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|0\r"]
)
def test_nothing_gives_no_message(data: bytes) -> None:
    assert list(split_messages(data)) == []


@pytest.mark.parametrize("between", [b"\r", b"\n", b"\r\n", b"\r\r", b"\n\n\n", b"\r\n \r\n"])
def test_messages_after_each_other_are_told_by_their_headers(between: bytes) -> None:
    assert [peek(part).control_id for part in split_messages(ONE + between + TWO + between)] == ["1", "2"]


def test_envelopes_of_files_and_batches_are_left_out() -> None:
    data = b"FHS|^~\\&|f\rBHS|^~\\&|b\r" + ONE + b"\rBTS|1\rBHS|^~\\&|c\r" + TWO + b"\rBTS|1\rFTS|2\r"
    assert list(split_messages(data)) == [ONE, TWO]


def test_batch_without_a_file_header_is_a_batch() -> None:
    assert list(split_messages(b"BHS|^~\\&|b\r\n" + ONE + b"\r\n" + TWO + b"\r\nBTS|2\r\n")) == [ONE, TWO]


def test_capture_gives_the_body_of_each_frame() -> None:
    assert list(split_messages(frame(ONE + b"\r") + b"\n" + frame(TWO))) == [ONE, TWO]


def test_capture_with_a_batch_in_one_frame_gives_its_messages() -> None:
    assert list(split_messages(frame(b"BHS|^~\\&\r" + ONE + b"\r" + TWO + b"\rBTS|2"))) == [ONE, TWO]


def test_frame_cut_short_keeps_what_came_of_it() -> None:
    assert list(split_messages(b"\x0b" + ONE + b"\x0b" + TWO + b"\x1c\r")) == [ONE, TWO]


def test_bytes_between_frames_become_a_piece_of_their_own() -> None:
    assert list(split_messages(frame(ONE) + b"noise" + frame(TWO))) == [ONE, b"noise", TWO]


def test_bytes_before_the_first_message_become_a_piece_that_is_refused() -> None:
    parts = list(split_messages(b"PID|1||lost\r" + ONE))
    assert parts == [b"PID|1||lost", ONE]
    with pytest.raises(DecodeError):
        peek(parts[0])


def test_wrapped_text_stays_in_its_message() -> None:
    data = ONE + b"\nMSH, the other hospital, called\nMSHA|\r" + TWO
    first, second = split_messages(data)
    assert decode_message(first).all("OBX")[0].text(5) == "text\nMSH, the other hospital, called\nMSHA"
    assert second == TWO


def test_vertical_tab_in_a_text_of_a_file_is_text() -> None:
    assert list(split_messages(ONE + b"\x0bsecond line\r" + TWO)) == [ONE + b"\x0bsecond line", TWO]


def test_indented_messages_are_found() -> None:
    assert [peek(part).control_id for part in split_messages(b"  " + ONE + b"\n\t" + TWO)] == ["1", "2"]


def test_other_separators_are_found_too() -> None:
    data = b"MSH$%~\\&$A$H\rPID$1\rMSH|^~\\&|B|H\r"
    assert [peek(part).sending_application for part in split_messages(data)] == ["A", "B"]
