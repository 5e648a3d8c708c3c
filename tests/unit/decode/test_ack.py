"""Acknowledgements."""

from __future__ import annotations

import pytest

from worker.decode.ack import AckCode, acknowledge, wants_answer
from worker.decode.hl7v2 import Hl7Message, Peek, decode_message, peek

NOW_MS = 1_788_251_767_000  # 2026-09-01T08:36:07Z


def _peek(*, accept: str = "", application: str = "", version: str = "2.5.1", charset: str = "") -> Peek:
    header = f"MSH|^~\\&|LAB^1.2^ISO|HOSP|LP|WARD|20260901||ORU^R01|ID\\T\\7|T|{version}|||{accept}|{application}||{charset}"
    return peek(header.encode())


def _answer(found: Peek | None, code: AckCode = AckCode.ACCEPT, text: str = "") -> Hl7Message:
    return decode_message(acknowledge(found, code, now_ms=NOW_MS, text=text))


def _field(message: Hl7Message, name: str, number: int) -> str:
    return message.all(name)[0].raw(number)


def test_sender_and_receiver_are_swapped() -> None:
    answer = _answer(_peek())
    assert [_field(answer, "MSH", number) for number in (3, 4, 5, 6)] == ["LP", "WARD", "LAB^1.2^ISO", "HOSP"]


def test_control_id_is_echoed_as_it_stands() -> None:
    answer = _answer(_peek())
    assert _field(answer, "MSA", 1) == "AA"
    assert _field(answer, "MSA", 2) == "ID\\T\\7"


def test_header_has_time_type_own_id_and_the_version_of_the_sender() -> None:
    answer = _answer(_peek(version="2.4"))
    assert _field(answer, "MSH", 7) == "20260901083607+0000"
    assert _field(answer, "MSH", 9) == "ACK^R01^ACK"
    assert _field(answer, "MSH", 11) == "T"
    assert _field(answer, "MSH", 12) == "2.4"
    assert 0 < len(_field(answer, "MSH", 10)) <= 20


def test_old_versions_get_no_message_structure() -> None:
    assert _field(_answer(_peek(version="2.3")), "MSH", 9) == "ACK^R01"


def test_empty_type_and_version_get_plain_answers() -> None:
    answer = _answer(peek(b"MSH|^~\\&|A|B"))
    assert (_field(answer, "MSH", 9), _field(answer, "MSH", 12), _field(answer, "MSH", 11)) == (
        "ACK",
        "2.5.1",
        "P",
    )


def test_answers_to_different_messages_have_different_ids() -> None:
    first = _answer(peek(b"MSH|^~\\&|A|B|||||ORU^R01|1"))
    second = _answer(peek(b"MSH|^~\\&|A|B|||||ORU^R01|2"))
    assert _field(first, "MSH", 10) != _field(second, "MSH", 10)


@pytest.mark.parametrize(
    ("accept", "application", "codes"),
    [
        ("", "", ["AA", "AE", "AR"]),
        ("AL", "", ["CA", "CE", "CR"]),
        ("AL", "NE", ["CA", "CE", "CR"]),
        ("ER", "AL", ["CA", "CE", "CR"]),
        ("NE", "AL", ["AA", "AE", "AR"]),
        ("", "AL", ["AA", "AE", "AR"]),
    ],
)
def test_enhanced_mode_gets_commit_codes(accept: str, application: str, codes: list[str]) -> None:
    found = _peek(accept=accept, application=application)
    assert [_field(_answer(found, code), "MSA", 1) for code in AckCode] == codes


@pytest.mark.parametrize(
    ("accept", "application", "wanted"),
    [("", "", [True, True, True]), ("AL", "", [True] * 3), ("NE", "NE", [False] * 3), ("NE", "", [False] * 3),
     ("ER", "", [False, True, True]), ("SU", "NE", [True, False, False]), ("NE", "AL", [True] * 3)],
)  # fmt: skip
def test_sender_says_which_answers_it_wants(accept: str, application: str, wanted: list[bool]) -> None:
    found = _peek(accept=accept, application=application)
    assert [wants_answer(found, code) for code in AckCode] == wanted


def test_text_is_escaped_into_its_field() -> None:
    answer = _answer(_peek(), AckCode.ERROR, "store is full | try\nlater")
    assert answer.all("MSA")[0].text(3) == "store is full | try\nlater"


def test_unreadable_header_is_rejected() -> None:
    answer = _answer(None, AckCode.ACCEPT, "no MSH segment")
    assert (_field(answer, "MSA", 1), _field(answer, "MSA", 2)) == ("AR", "")
    assert answer.all("MSA")[0].text(3) == "no MSH segment"


def test_separators_of_the_sender_are_used() -> None:
    raw = acknowledge(peek(b"MSH$%*!@$LAB$H$LP$W$1$$ORU%R01$7$P$2.5"), AckCode.ACCEPT, now_ms=NOW_MS)
    assert raw.startswith(b"MSH$%*!@$LP$W$LAB$H$")
    assert raw.endswith(b"\rMSA$AA$7\r")


def test_names_outside_ascii_go_back_in_the_set_of_the_sender() -> None:
    found = peek("MSH|^~\\&|HÔPITAL|H|||20260101||ORU^R01|7|P|2.5.1||||||8859/1".encode("latin-1"))
    raw = acknowledge(found, AckCode.ACCEPT, now_ms=NOW_MS)
    assert "HÔPITAL".encode("latin-1") in raw
    assert _field(decode_message(raw), "MSH", 18) == "8859/1"


def test_sign_that_the_set_of_the_sender_lacks_is_replaced() -> None:
    raw = acknowledge(_peek(charset="ASCII"), AckCode.ERROR, now_ms=NOW_MS, text="größer")
    assert raw.isascii()
