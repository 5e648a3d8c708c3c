"""The parts of a MIME message, as CDA travels in an MDM. Pure: no I/O, no clock. RFC 2045, 2046; IHE XDS-MS.

Enough for one level: header lines, a boundary, parts in Base64, quoted-printable or as they are. A part that is itself a
MIME message is given with its header lines, to be read by whoever asks for the parts.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator

from worker.decode.documents.encoding import from_base64

MAX_PARTS = 20
"""Parts that are looked at; house choice: a document has a text or two, and pictures behind."""

_HEADER_END = re.compile(rb"\r?\n[ \t]*\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_BOUNDARY = re.compile(r"boundary=(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_LONGEST_HEADER = 8_000


def read_parts(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Give each part of a message as (media type, bytes), in order; the message itself where it has no parts."""
    headers, body = _split_headers(content.lstrip())
    stated = headers.get("content-type", "")
    boundary = _BOUNDARY.search(stated)
    if boundary is None:
        yield _part(headers, body)
        return
    mark = b"--" + (boundary[1] or boundary[2]).encode("latin-1", "replace")
    for piece in body.split(mark, MAX_PARTS + 1)[1 : MAX_PARTS + 1]:
        if piece.startswith(b"--"):
            return
        part = piece.lstrip(b"\r\n") if not piece.startswith(b"\n\n") else piece
        inner, inside = _split_headers(part)
        is_message = inner.get("content-type", "").casefold().startswith("multipart/")
        yield (inner["content-type"], part) if is_message else _part(inner, inside)


def is_mixed(content: bytes) -> bool:
    """Tell whether the parts of a message follow each other, so that all are to be read; else they are forms of one."""
    headers, _ = _split_headers(content.lstrip())
    return headers.get("content-type", "").casefold().startswith("multipart/mixed")


def _split_headers(content: bytes) -> tuple[dict[str, str], bytes]:
    end = _HEADER_END.search(content)
    head, body = (content[: end.start()], content[end.end() :]) if end else (b"", content)
    if len(head) > _LONGEST_HEADER:
        return {}, content
    lines = _FOLD.sub(" ", head.decode("latin-1")).splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip().casefold(): value.strip() for name, _, value in pairs}, body


def _part(headers: dict[str, str], body: bytes) -> tuple[str, bytes]:
    stated = headers.get("content-type", "text/plain")
    encoding = headers.get("content-transfer-encoding", "").casefold()
    if encoding == "base64":
        return stated, from_base64(body.decode("latin-1")) or b""
    return stated, quopri.decodestring(body) if encoding == "quoted-printable" else body
