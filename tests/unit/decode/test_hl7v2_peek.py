"""The header alone: enough to route, drop and acknowledge."""

from __future__ import annotations

import pytest

from worker.decode.hl7v2 import peek
from worker.model.errors import DecodeError

FULL = b"MSH|^~\\&|LAB^1.2^ISO|H&x^9|LP|R|20260101||ORU^R01^ORU_R01|77|P|2.5.1^DEU|||AL|NE||8859/1\rPID|1"


def test_header_gives_type_sender_and_numbers() -> None:
    found = peek(FULL)
    assert found.message_type == "ORU^R01"
    assert (found.sending_application, found.sending_facility) == ("LAB", "H")
    assert (found.control_id, found.version, found.message_time) == ("77", "2.5.1", "20260101")
    assert found.charset == "8859/1"
    assert found.header[15] == "AL"


@pytest.mark.parametrize(
    ("field", "kind"),
    [("", ""), ("ACK", "ACK"), ("ADT^", "ADT"), ("ADT^A01", "ADT^A01"), ("^R01", "^R01")],
)
def test_message_type_is_what_stands_there(field: str, kind: str) -> None:
    assert peek(f"MSH|^~\\&|||||||{field}|1".encode()).message_type == kind


def test_short_header_has_empty_fields() -> None:
    found = peek(b"MSH|^~\\&|LAB")
    assert (found.message_type, found.control_id, found.version) == ("", "", "")
    assert len(found.header) > 21


def test_escapes_of_the_header_are_decoded_but_kept_raw_for_the_answer() -> None:
    found = peek(b"MSH|^~\\&|A\\T\\E|H|||20260101||ORU^R01|a\\F\\b|P|2.5")
    assert (found.sending_application, found.control_id) == ("A&E", "a|b")
    assert found.header[10] == "a\\F\\b"
    assert found.message_type == "ORU^R01"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_header_ends_with_its_line(end: bytes) -> None:
    assert peek(b"MSH|^~\\&|LAB|H" + end + b"PID|1|x\ry|z").sending_facility == "H"


def test_header_stands_after_marks_blanks_and_envelopes() -> None:
    assert peek(b"\xef\xbb\xbf\r\n \x0bFHS|^~\\&|x\rBHS|^~\\&\r\n" + FULL).control_id == "77"


@pytest.mark.parametrize("body", [b"", b"MSH", b"MSHA|", b"PID|1", b"XMSH|^~\\&|", b"FHS|^~\\&|x\r"])
def test_bytes_without_a_usable_header_are_refused(body: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        peek(body)
    assert caught.value.place.startswith("MSH")
