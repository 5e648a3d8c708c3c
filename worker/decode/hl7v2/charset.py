"""The character set of a message, from its bytes and MSH-18. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.15.9.18, table 0211."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import NamedTuple

# Names as `_key` makes them: upper case, without blanks, hyphens, underscores and slashes.
_CODECS = {
    "ASCII": "ascii",
    "USASCII": "ascii",
    "ISOIR6": "ascii",  # the ASCII graphic set as ISO registers it
    "88591": "latin-1",
    "88592": "iso8859-2",
    "88593": "iso8859-3",
    "88594": "iso8859-4",
    "88595": "iso8859-5",
    "88596": "iso8859-6",
    "88597": "iso8859-7",
    "88598": "iso8859-8",
    "88599": "iso8859-9",
    "885915": "iso8859-15",
    "ISOIR100": "latin-1",  # the registration numbers that DICOM uses too
    "ISOIR101": "iso8859-2",
    "ISOIR109": "iso8859-3",
    "ISOIR110": "iso8859-4",
    "ISOIR144": "iso8859-5",
    "ISOIR127": "iso8859-6",
    "ISOIR126": "iso8859-7",
    "ISOIR138": "iso8859-8",
    "ISOIR148": "iso8859-9",
    "ISOIR14": "shift_jis",  # JIS X 0201 alone is its single-byte part
    "ISOIR87": "iso2022_jp_ext",
    "ISOIR159": "iso2022_jp_ext",
    "GB18030": "gb18030",
    "GB180302000": "gb18030",
    "KSX1001": "euc_kr",
    "BIG5": "big5",
    # UTF-16 and UTF-32 are told by their bytes; a message that starts with the bytes "MSH" is neither, whatever it says.
    "UNICODE": "utf-8",
    "UNICODEUTF8": "utf-8",
    "UNICODEUTF16": "utf-8",
    "UNICODEUTF32": "utf-8",
    # not in the table, but sent
    "UTF8": "utf-8",
    "UTF16": "utf-8",
    "ISO88591": "latin-1",
    "ISO885915": "iso8859-15",
    "LATIN1": "latin-1",
    "WINDOWS1252": "cp1252",
    "CP1252": "cp1252",
}

_WIDE_STARTS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    ("MSH".encode("utf-32-le"), "utf-32-le"),
    ("MSH".encode("utf-32-be"), "utf-32-be"),
    ("MSH".encode("utf-16-le"), "utf-16-le"),
    ("MSH".encode("utf-16-be"), "utf-16-be"),
    ("FHS".encode("utf-16-le"), "utf-16-le"),
    ("FHS".encode("utf-16-be"), "utf-16-be"),
    ("BHS".encode("utf-16-le"), "utf-16-le"),
    ("BHS".encode("utf-16-be"), "utf-16-be"),
)

# Senders that state 8859/1 mean Windows-1252 as soon as one of its curly quotes or dashes turns up: 0x80 to 0x9F are
# control characters otherwise, and "doesn't" written with one of them must stay readable. Source: WHATWG Encoding.
_WINDOWS_1252 = {
    code: bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
}

_NOT_IN_KEY = re.compile(r"[\s\-_/]")
_NOT_IN_LABEL = re.compile(r"[^A-Za-z0-9 /_.~-]")


class Decoded(NamedTuple):
    """A text, the codec that read it, and what is to be said about the choice (empty where MSH-18 was right)."""

    text: str
    codec: str
    remark: str = ""


def narrow(data: bytes) -> bytes:
    """Turn UTF-16 or UTF-32 bytes, with or without a mark, into UTF-8; return other bytes as they are.

    Code units that stand for nothing become U+FFFD: a damaged file is read as far as it goes.
    """
    for start, codec in _WIDE_STARTS:
        if data.startswith(start):
            return codecs.BOM_UTF8 + data.decode(codec, "replace").removeprefix("\ufeff").encode(
                "utf-8", "replace"
            )
    return data


def decode_text(data: bytes, stated: str, repetition: str = "~") -> Decoded:
    """Decode the bytes of one message, not wide (see `narrow`), by what MSH-18 states.

    Order: a UTF-8 mark; plain ASCII; the stated sets in their order, where the first that can read all bytes wins;
    UTF-8; Latin-1, which reads anything. Bytes are never dropped.
    """
    if data.startswith(codecs.BOM_UTF8):
        data = data[3:]
        text = _try(data, "utf-8")
        if text is not None:
            return Decoded(text, "utf-8")
    if data.isascii() and b"\x1b" not in data:
        return Decoded(data.decode("ascii"), codec_of(stated, repetition) if stated else "utf-8")
    for codec in _stated_codecs(stated, repetition, has_escapes=b"\x1b" in data):
        text = _try(data, codec)
        if text is not None:
            return Decoded(text, codec)
    return _fall_back(data, stated)


@lru_cache(maxsize=64)
def codec_of(stated: str, repetition: str = "~") -> str:
    """Name the codec in which to write to the sender: the first stated set that is known, else UTF-8."""
    return next(iter(_stated_codecs(stated, repetition, has_escapes=False)), "utf-8")


def _fall_back(data: bytes, stated: str) -> Decoded:
    label = _NOT_IN_LABEL.sub("?", stated)[:40]
    text = _try(data, "utf-8")
    if text is not None:
        return Decoded(text, "utf-8", f"{label}, read as UTF-8" if stated else "")
    text = data.decode("latin-1").translate(_WINDOWS_1252)
    return Decoded(text, "latin-1", f"{label or 'none stated'}, read as Latin-1")


def _stated_codecs(stated: str, repetition: str, *, has_escapes: bool) -> list[str]:
    known = [
        _CODECS[key]
        for name in stated.split(repetition)
        if (key := _NOT_IN_KEY.sub("", name).upper()) in _CODECS
    ]
    if has_escapes:  # ISO 2022 switches sets inside the text, so the set that knows the switches goes first
        known.sort(key=lambda codec: not codec.startswith("iso2022"))
    return known


def _try(data: bytes, codec: str) -> str | None:
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return None
    return text.translate(_WINDOWS_1252) if codec == "latin-1" else text
