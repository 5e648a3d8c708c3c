"""Laws of the HL7 v2 decoder: no input crashes it, no text is lost, what is written is read."""

from __future__ import annotations

import re
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from worker.decode.hl7v2 import (
    Hl7Message,
    decode_message,
    peek,
    read_separators,
    result_groups,
    split_messages,
)
from worker.decode.hl7v2.escapes import escape, unescape
from worker.model.errors import DecodeError

HEADER = b"MSH|^~\\&|A|B|||20260101||ORU^R01|1|P|2.5.1\r"
ENDS = st.sampled_from([b"\r", b"\n", b"\r\n"])

# Bytes that look like messages find more than noise does.
SHARDS = st.sampled_from(
    [
        *(b"MSH|^~\\&|", b"MSH", b"OBX|1|TX|x||", b"OBX", b"PID|", b"FHS|", b"BTS|1"),
        *(b"\r", b"\n", b"\r\n", b"\x0b", b"\x1c\r", b"|", b"^", b"~", b"\\", b"&", b"\\X0D\\", b"\\.br\\"),
        *(b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xb0", b"text", b" "),
    ],
)
WILD = st.one_of(st.binary(max_size=200), st.lists(SHARDS, max_size=30).map(b"".join))
# Every line of the text stands for one that a person wrote; line ends are escaped by the writer.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("|^~\\&\n"), max_size=40
)


def _read_everything(message: Hl7Message) -> None:
    for segment in message.segments:
        for number in range(25):
            segment.text(number)
            segment.value(number, 2, 2)
            [repeat.component(1) for repeat in segment.repeats(number)]
    result_groups(message)


@given(WILD)
def test_no_bytes_crash_the_decoder(data: bytes) -> None:
    with suppress(DecodeError):
        peek(data)
    with suppress(DecodeError):
        _read_everything(decode_message(data))
    for part in split_messages(data):
        with suppress(DecodeError):
            _read_everything(decode_message(part))


@given(WILD)
def test_no_bytes_after_a_header_crash_the_decoder(data: bytes) -> None:
    with suppress(DecodeError):
        _read_everything(decode_message(HEADER + data))


@given(
    st.lists(
        st.sampled_from([b"OBX|1|TX|x||a", b"text", b"NTE|1", b" OBX|2", b"", b"CSF|x", b"OBX"]), max_size=8
    ),
    ENDS,
    ENDS,
)
def test_bytes_with_an_obx_never_decode_to_zero_obx(lines: list[bytes], end: bytes, other: bytes) -> None:
    body = HEADER + b"".join(line + (end if index % 2 else other) for index, line in enumerate(lines))
    expected = sum(re.match(rb" *OBX(\||\Z)", line) is not None for line in lines)
    assert len(decode_message(body).all("OBX")) == expected


@given(WILD)
def test_splitting_loses_nothing_but_framing_blanks_and_envelopes(data: bytes) -> None:
    data = re.sub(rb"^(\xff\xfe|\xfe\xff)+", b"", data)
    kept = b"".join(split_messages(data))
    for word in (b"OBX|1|TX|x||", b"PID|", b"text"):
        if b"\x00" not in data and b"HS|" not in data and b"BTS|" not in data:
            assert kept.count(word) == data.count(word)


@given(st.lists(TEXT, max_size=6), ENDS)
def test_text_that_is_written_is_read_again(texts: list[str], end: bytes) -> None:
    usual = read_separators("|^~\\&")
    lines = [f"OBX|{index}|TX|x||{escape(text, usual)}|||||||F" for index, text in enumerate(texts, 1)]
    body = HEADER.rstrip() + end + end.join(line.encode() for line in lines)
    found = decode_message(body).all("OBX")
    assert [segment.text(5) for segment in found] == texts
    assert all(segment.raw(12) == "F" for segment in found)


@given(st.permutations(list("|^~\\&#$%*!@+")), TEXT)
def test_any_distinct_separators_work(signs: list[str], text: str) -> None:
    declared = "".join(signs[:5])
    chosen = read_separators(declared)
    message = decode_message(
        f"MSH{declared}{signs[0]}A\rOBX{signs[0]}{escape(text, chosen)}{signs[1]}x".encode()
    )
    assert message.all("OBX")[0].value(1) == text
    assert message.all("OBX")[0].value(1, 2) == "x"


@given(TEXT)
def test_text_without_the_escape_character_stays_as_it_is(text: str) -> None:
    plain = text.replace("\\", "/")
    assert unescape(plain, read_separators("|^~\\&")) == plain


@given(
    st.lists(st.sampled_from(["pain", "\\", "back", " ", "leg", "\\x\\", "\\\\"]), max_size=10).map("".join)
)
def test_lone_backslashes_lose_no_text(text: str) -> None:
    assert unescape(text, read_separators("|^~\\&")) == text


@given(
    st.lists(
        st.sampled_from(["OBR|1", "OBX|1", "NTE|1", "PID|1", "ORC|1", "SPM|1", "TXA|1", "RXA|1", "PV1|1"]),
        max_size=20,
    )
)
def test_every_result_is_in_exactly_one_group(lines: list[str]) -> None:
    for kind in (b"ORU^R01", b"OUL^R22"):
        body = HEADER.replace(b"ORU^R01", kind) + "\r".join(lines).encode()
        message = decode_message(body)
        grouped = [item.obx.index for group in result_groups(message) for item in group.obxs]
        assert grouped == [segment.index for segment in message.all("OBX")]
