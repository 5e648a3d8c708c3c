"""Character sets: marks, MSH-18, and what is done when neither tells the truth."""

from __future__ import annotations

import codecs

import pytest

from worker.decode.hl7v2 import Hl7Message, decode_message, peek, split_messages

TEXT = "MSH|^~\\&|LAB|H|||20260101||ORU^R01|7|P|2.5.1||||||{charset}\rOBX|1|TX|x||{text}"


def _message(text: str, codec: str, charset: str = "") -> Hl7Message:
    return decode_message(TEXT.format(charset=charset, text=text).encode(codec))


def _text(message: Hl7Message) -> str:
    return message.all("OBX")[0].text(5)


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("ASCII", "ascii", "plain"),
        ("", "ascii", "plain"),
        ("UNICODE UTF-8", "utf-8", "38 °C – ключ"),
        ("UTF-8", "utf-8", "38 °C – ключ"),
        ("UNICODE", "utf-8", "38 °C"),
        ("8859/1", "latin-1", "38 °C"),
        ("8859/2", "iso8859-2", "zażółć"),
        ("8859/5", "iso8859-5", "ключ"),
        ("8859/6", "iso8859-6", "صداع"),
        ("8859/7", "iso8859-7", "πόνος"),
        ("8859/9", "iso8859-9", "başağrısı"),  # noqa: RUF001 # Turkish, so 8859/9 is tested
        ("8859/15", "iso8859-15", "5 €"),
        ("ISO-8859-1", "latin-1", "38 °C"),
        ("GB 18030-2000", "gb18030", "头痛 发热"),
        ("BIG-5", "big5", "頭痛"),
        ("KS X 1001", "euc_kr", "두통"),
        ("~ISO IR87", "iso2022_jp", "頭痛"),
        ("ISO IR14~ISO IR87", "iso2022_jp", "頭痛"),
        ("ASCII~UNICODE UTF-8", "utf-8", "38 °C"),
    ],
)
def test_stated_character_set_is_honoured(charset: str, codec: str, text: str) -> None:
    message = _message(text, codec, charset)
    assert _text(message) == text
    assert message.issues == ()


def test_separators_inside_multibyte_characters_split_nothing() -> None:
    raw = (
        b"\xd5\x7c\xba\x5e\xd5\x5c"  # three characters whose second bytes look like "|", "^" and a backslash
    )
    text = raw.decode("gb18030")
    assert _text(_message(text, "gb18030", "GB 18030-2000")) == text
    assert len(text) == 3


def test_no_stated_set_reads_utf8_silently() -> None:
    message = _message("38 °C", "utf-8")
    assert _text(message) == "38 °C"
    assert message.issues == ()


@pytest.mark.parametrize(
    ("charset", "codec", "subject"),
    [
        ("ASCII", "utf-8", "ASCII, read as UTF-8"),
        ("CNS 11643-1992", "utf-8", "CNS 11643-1992, read as UTF-8"),
        ("UNICODE UTF-8", "latin-1", "UNICODE UTF-8, read as Latin-1"),
        ("", "latin-1", "none stated, read as Latin-1"),
        ("<x|y>"[:2], "utf-8", "?x, read as UTF-8"),
    ],
)
def test_wrong_or_unknown_set_falls_back_and_says_so(charset: str, codec: str, subject: str) -> None:
    message = _message("38 °C", codec, charset)
    assert _text(message) == "38 °C"
    assert [(issue.place, issue.subject) for issue in message.issues] == [("MSH-18", subject)]


def test_curly_quote_of_windows_stays_readable() -> None:
    body = TEXT.format(charset="8859/1", text="can?t move legs").encode("latin-1").replace(b"?", b"\x92")
    assert _text(decode_message(body)) == "can’t move legs"


def test_mark_of_utf8_outweighs_the_stated_set() -> None:
    body = codecs.BOM_UTF8 + TEXT.format(charset="8859/1", text="38 °C").encode()
    assert _text(decode_message(body)) == "38 °C"
    assert peek(body).control_id == "7"


def test_false_mark_of_utf8_loses_nothing() -> None:
    body = codecs.BOM_UTF8 + TEXT.format(charset="8859/1", text="38 °C").encode("latin-1")
    assert _text(decode_message(body)) == "38 °C"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_bytes_are_told_by_their_start(codec: str) -> None:
    body = TEXT.format(charset="UNICODE UTF-16", text="38 °C").encode(codec)
    assert _text(decode_message(body)) == "38 °C"
    assert peek(body).message_type == "ORU^R01"
    assert [_text(decode_message(part)) for part in split_messages(body)] == ["38 °C"]


def test_sending_application_is_read_in_the_stated_set() -> None:
    body = "MSH|^~\\&|HÔPITAL|H|||20260101||ORU^R01|7|P|2.5.1||||||8859/1\rPID|1".encode("latin-1")
    assert peek(body).sending_application == "HÔPITAL"


def test_every_message_of_a_marked_file_keeps_the_mark() -> None:
    one = TEXT.format(charset="8859/1", text="38 °C")
    parts = list(split_messages(codecs.BOM_UTF8 + f"{one}\r\n{one}".encode()))
    assert [_text(decode_message(part)) for part in parts] == ["38 °C", "38 °C"]
