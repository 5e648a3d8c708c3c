"""Bytes that are written as letters. Pure: no I/O, no clock. RFC 4648; HL7 v2.5.1 table 0299."""

from __future__ import annotations

import base64
import binascii
import re

MAX_CHARACTERS = 24_000_000
"""More is not decoded: what its bytes may hold at most is read (`read.MAX_BYTES`, `pdf.MAX_BYTES`)."""
BROKEN_ENCODING = "broken encoding"
_BREAKS = re.compile(r"\s+|\\\.br\\")


def from_base64(text: str) -> bytes | None:
    """Return the bytes, None where it is no Base64; line breaks do not matter, nor the padding at the end."""
    letters = _BREAKS.sub("", text).rstrip("=")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def from_hex(text: str) -> bytes | None:
    """Return the bytes of pairs of hexadecimal digits, None where they are none."""
    try:
        return bytes.fromhex(_BREAKS.sub("", text))
    except ValueError:
        return None
