"""Text of documents that travel inside a message: plain, RTF, HTML; Base64 or hexadecimal. Pure: no I/O, no clock.

Source: HL7 v2.5.1 ch. 2.A.24 (ED), tables 0191, 0291, 0299; FHIR `Attachment`.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from dataclasses import dataclass

from worker.mapping.rtf import is_rtf, rtf_to_text

MAX_CHARACTERS = 2_000_000
"""A longer document is not read: it is no note."""

_TAG = re.compile(
    r"<(?:script|style)\b.*?</(?:script|style)\s*>|<br\s*/?>|</(?:p|div|li|tr|h[1-6])\s*>|<[^>]*>",
    re.IGNORECASE | re.DOTALL,
)
_BLOCK = re.compile(r"</|<br", re.IGNORECASE)
_PLAIN = frozenset({"", "txt", "text", "plain", "text/plain"})
_RTF = frozenset({"rtf", "x-rtf", "text/rtf", "application/rtf", "octet-stream"})
_HTML = frozenset({"html", "htm", "xhtml", "text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a document gives no text: its kind, in a constant word."""

    kind: str


def attachment_text(data: str, subtype: str, encoding: str) -> str | Unreadable:
    """Return the text of an encapsulated document.

    Shape: `subtype` as sent ("txt", "rtf", "text/html", "pdf"); `encoding` "Base64", "Hex" or anything else for none.
    """
    if len(data) > MAX_CHARACTERS:
        return Unreadable("too long")
    decoded = _decoded(data, encoding.casefold())
    if decoded is None:
        return Unreadable("broken encoding")
    kind = subtype.casefold().partition(";")[0].strip()
    if is_rtf(decoded):
        return rtf_to_text(decoded)
    if kind in _PLAIN:
        return decoded
    if kind in _HTML:
        return html_to_text(decoded)
    return Unreadable("rtf" if kind in _RTF else _word(kind))


def html_to_text(text: str) -> str:
    """Return the text of an HTML fragment: tags left out, blocks on lines of their own."""
    plain = _TAG.sub(lambda found: "\n" if _BLOCK.match(found.group()) else "", text)
    return html.unescape(plain).strip()


def _decoded(data: str, encoding: str) -> str | None:
    try:
        if encoding == "base64":
            return _characters(base64.b64decode("".join(data.split()), validate=True))
        if encoding == "hex":
            return _characters(bytes.fromhex(data))
    except (binascii.Error, ValueError):
        return None
    return data


def _characters(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _word(kind: str) -> str:
    """Name the kind only where it is one of the usual words: the field may hold anything."""
    known = ("pdf", "jpeg", "png", "tiff", "gif", "dicom", "xml", "json", "msword", "zip")
    return next((word for word in known if word in kind), "unknown kind")
