"""The text of attachments; what cannot be read is said. Pure: no I/O, no clock.

Source: HL7 FHIR R4, `Attachment`; RFC 2045 (base64), RFC 6838 (media types).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from worker.decode.documents import (
    ELSEWHERE,
    MAX_CHARACTERS,
    TOO_LONG,
    Extract,
    from_base64,
    kind_of,
    read_document,
)
from worker.decode.fhir.datatypes import Attachment

_MEDIA_TYPE = re.compile(r"[a-z0-9.+/-]{1,60}")
_UNKNOWN = "unknown media type"


def read_best(attachments: Iterable[Attachment]) -> Extract:
    """Return the best readable text: several attachments of one document are its formats.

    Shape: the first that is read whole, a PDF last, because its lines are guessed from places; else the first that is read in
    part; where none is readable, the first problem.
    """
    formats = sorted(attachments, key=_is_pdf)
    read = [read_attachment(attachment) for attachment in formats]
    readable = [found for found in read if not found.problem]
    whole = next((found for found in readable if not found.gap), None)
    return whole or next(iter(readable or read), Extract(problem="no content"))


def read_all(attachments: Iterable[Attachment]) -> Extract:
    """Return the texts of attachments that follow each other, parts of one message."""
    read = [read_attachment(attachment) for attachment in attachments]
    text = "\n".join(found.text for found in read if found.text)
    problem = next((found.problem for found in read if found.problem), "")
    gap = next((found.gap for found in read if found.gap), "")
    is_guessed = any(found.is_guessed for found in read)
    if not text:
        return Extract(problem=problem or "no content")
    return Extract(text, gap=problem or gap, is_guessed=is_guessed)


def read_attachment(attachment: Attachment) -> Extract:
    """Decode one attachment; what lies behind an address is not fetched."""
    if not attachment.data:
        return Extract(problem=ELSEWHERE if attachment.url else "no content")
    if len(attachment.data) > MAX_CHARACTERS:
        return Extract(problem=TOO_LONG)
    content = from_base64(attachment.data)
    if content is None:
        return Extract(problem="not valid base64")
    stated = attachment.content_type or ""
    if kind_of(content, stated) is None:
        media_type = stated.casefold().partition(";")[0].strip()
        return Extract(problem=media_type if _MEDIA_TYPE.fullmatch(media_type) else _UNKNOWN)
    return read_document(content, stated)


def _is_pdf(attachment: Attachment) -> bool:
    return "pdf" in (attachment.content_type or "").casefold()
