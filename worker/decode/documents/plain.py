"""Characters of a text whose character set is named, or not. Pure: no I/O, no clock. RFC 2045, RFC 6838."""

from __future__ import annotations

import codecs

from worker.decode.documents.extract import Extract

_CHARSETS = frozenset(
    {"us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-8", "utf-16", "utf-16le", "utf-16be"}
)
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decode_text(content: bytes, charset: str = "") -> Extract:
    """Decode by the charset that is stated, else by a byte order mark, else as UTF-8, else as Windows-1252, and say so."""
    marked = next((codec for mark, codec in _MARKS if content.startswith(mark)), "")
    stated = charset.casefold()
    for codec in (marked, stated if stated in _CHARSETS else "", "utf-8-sig"):
        if not codec:
            continue
        try:
            return Extract(content.decode(codec))
        except UnicodeDecodeError:
            continue
    return Extract(content.decode("cp1252", "replace"), is_guessed=True)


def is_text(content: bytes) -> bool:
    """Tell whether bytes of no stated kind can be read as text."""
    if b"\x00" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
