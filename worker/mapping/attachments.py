"""Encapsulated data of HL7 v2: another document inside a field. Pure: no I/O, no clock.

Source: HL7 v2.5.1 ch. 2.A.24 (ED), tables 0191, 0291, 0299.
"""

from __future__ import annotations

from worker.decode.documents import (
    BROKEN_ENCODING,
    MAX_CHARACTERS,
    TOO_LONG,
    Extract,
    from_base64,
    from_hex,
    read_document,
)


def attachment_text(data: str, subtype: str, encoding: str) -> Extract:
    """Return the text of an encapsulated document, or why it has none.

    Shape: `subtype` as sent ("txt", "rtf", "text/html", "pdf"); `encoding` "Base64", "Hex" or anything else for none.
    """
    if len(data) > MAX_CHARACTERS:
        return Extract(problem=TOO_LONG)
    content = _decoded(data, encoding.strip().casefold())
    if content is None:
        return Extract(problem=BROKEN_ENCODING)
    # Nobody says what such a stream holds; what its bytes begin with does.
    stated = "" if subtype.casefold() in {"octet-stream", "application/octet-stream"} else subtype
    return read_document(content, stated)


def _decoded(data: str, encoding: str) -> bytes | None:
    if encoding == "base64":
        return from_base64(data)
    if encoding == "hex":
        return from_hex(data)
    return data.encode("utf-8", "replace")
