"""Characters of a text whose character set is named, or not. Pure: no I/O, no clock. RFC 2045, RFC 6838."""

from __future__ import annotations

import codecs

from worker.decode.documents.extract import Extract
from worker.decode.documents.layout import as_shown

_CHARSETS = frozenset(
    {"us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-8", "utf-16", "utf-16le", "utf-16be"}
)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


_SIGNATURES = (
    (b"\x89PNG", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"PK\x03\x04", "zip"),
    (b"\xd0\xcf\x11\xe0", "msword"),
    (b"\x1f\x8b", "gzip"),
)
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_SEEN = 4_096
_MOST_CONTROLS = 0.05
_MOST_ZEROS = 0.8


def binary_kind(content: bytes) -> str:
    """Name what bytes are that are no text, whatever they are called; empty where they may be text."""
    named = next((kind for mark, kind in _SIGNATURES if content.startswith(mark)), "")
    begin = content.rstrip(b"\x00")[:_SEEN]
    if named or not begin or _wide(begin) or begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return named
    controls = len(begin) - len(begin.translate(None, _CONTROLS))
    return "no text" if controls > _MOST_CONTROLS * len(begin) else ""


def _wide(content: bytes) -> str:
    """Return the codec of text in two bytes a letter without a mark, by where its zeros are."""
    half = len(content[:_SEEN]) // 2
    for begin, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
        if half > 1 and content[begin:_SEEN:2].count(0) > _MOST_ZEROS * half:
            return codec
    return ""


def decode_text(content: bytes, charset: str = "") -> Extract:
    """Decode by a byte order mark or the zeros of UTF-16, else as stated, else as UTF-8, else as Windows-1252, and say so."""
    marked = next((codec for mark, codec in _MARKS if content.startswith(mark)), "")
    stated = charset.casefold()
    for codec in (marked, _wide(content), stated if stated in _CHARSETS else "", "utf-8-sig"):
        if not codec:
            continue
        try:
            return Extract(as_shown(content.decode(codec).rstrip("\x00")))
        except UnicodeDecodeError:
            continue
    return Extract(as_shown(content.decode("cp1252", "replace").rstrip("\x00")), is_guessed=True)


def is_text(content: bytes) -> bool:
    """Tell whether bytes of no stated kind can be read as text."""
    if b"\x00" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
