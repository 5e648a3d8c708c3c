"""MLLP framing."""

from __future__ import annotations

import pytest

from worker.decode.mllp import FrameFault, FrameFaultKind, MllpReader, frame

LIMIT = 40


def _read(*chunks: bytes, limit: int = LIMIT) -> list[bytes | FrameFault]:
    reader = MllpReader(limit)
    return [event for chunk in chunks for event in reader.feed(chunk)]


def test_frame_gives_its_body() -> None:
    assert _read(frame(b"MSH|a\r")) == [b"MSH|a\r"]


def test_pipelined_frames_come_in_order() -> None:
    assert _read(frame(b"a") + frame(b"b") + frame(b"c")) == [b"a", b"b", b"c"]


def test_frame_in_single_bytes_is_a_frame() -> None:
    assert _read(*(bytes([byte]) for byte in frame(b"abc") + frame(b"d"))) == [b"abc", b"d"]


def test_line_feeds_inside_a_frame_belong_to_the_body() -> None:
    assert _read(frame(b"a\nb\r\nc")) == [b"a\nb\r\nc"]


@pytest.mark.parametrize("stray", [b"\r", b"\n", b"\r\n", b"\x00", b"\r\n\x00\n"])
def test_stray_line_ends_between_frames_are_passed_over(stray: bytes) -> None:
    assert _read(stray + frame(b"a") + stray + frame(b"b") + stray) == [b"a", b"b"]


def test_missing_carriage_return_after_the_end_block_is_tolerated() -> None:
    assert _read(b"\x0ba\x1c\x0bb\x1c") == [b"a", b"b"]


def test_empty_frame_is_a_body_for_others_to_judge() -> None:
    assert _read(b"\x0b\x1c\r") == [b""]


def test_garbage_between_frames_is_one_fault_with_its_count() -> None:
    assert _read(frame(b"a") + b"GET /", b" HTTP\r\n" + frame(b"b")) == [
        b"a",
        FrameFault(FrameFaultKind.GARBAGE, 10, b"GET / HTTP"),
        b"b",
    ]


def test_kept_garbage_is_bounded() -> None:
    events = _read(b"x" * 1000, b"x" * 1000 + frame(b"a"))
    assert events == [FrameFault(FrameFaultKind.GARBAGE, 2000, b"x" * LIMIT), b"a"]


def test_start_block_inside_a_frame_ends_it_as_a_fault_and_starts_the_next() -> None:
    assert _read(b"\x0bcut of", b"f\x0bwhole\x1c\r") == [
        FrameFault(FrameFaultKind.TRUNCATED, 7, b"cut off"),
        b"whole",
    ]


def test_frame_at_the_limit_is_accepted() -> None:
    assert _read(frame(b"x" * LIMIT)) == [b"x" * LIMIT]


def test_oversize_frame_is_a_fault_and_the_next_frame_is_read() -> None:
    fault = FrameFault(FrameFaultKind.OVERSIZE, LIMIT + 1, b"x" * LIMIT)
    assert _read(frame(b"x" * (LIMIT + 1)) + frame(b"b")) == [fault, b"b"]
    assert _read(b"\x0b" + b"x" * 500, b"x" * 500, b"x\x1c\r" + frame(b"b")) == [fault, b"b"]


def test_oversize_frame_holds_no_more_than_the_limit() -> None:
    reader = MllpReader(LIMIT)
    reader.feed(b"\x0b" + b"x" * 100_000)
    assert len(reader._buffer) <= LIMIT


def test_end_of_the_stream_inside_a_frame_is_a_fault() -> None:
    reader = MllpReader(LIMIT)
    assert reader.feed(b"\x0bcut") == []
    assert not reader.is_idle
    assert reader.finish() == [FrameFault(FrameFaultKind.TRUNCATED, 3, b"cut")]
    assert reader.is_idle
    assert reader.finish() == []
    assert reader.feed(frame(b"a")) == [b"a"]


def test_end_of_the_stream_after_garbage_is_a_fault() -> None:
    reader = MllpReader(LIMIT)
    reader.feed(frame(b"a") + b"?!")
    assert reader.finish() == [FrameFault(FrameFaultKind.GARBAGE, 2, b"?!")]


def test_frame_puts_the_blocks_around_a_body() -> None:
    assert frame(b"x\r") == b"\x0bx\r\x1c\r"


@pytest.mark.parametrize("body", [b"a\x0bb", b"a\x1cb"])
def test_body_with_a_block_byte_cannot_be_framed(body: bytes) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        frame(body)
