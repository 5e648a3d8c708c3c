"""The text of attachments: plain, RTF, HTML; anything else is said to be unreadable. Pure: no I/O, no clock.

Source: HL7 FHIR R4, `Attachment`; RFC 2045 (base64), RFC 6838 (media types).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser

from worker.decode.fhir.datatypes import Attachment
from worker.mapping.rtf import rtf_to_text

_BLOCKS = frozenset(
    {"address", "article", "br", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
    | {"li", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"}
)
_HIDDEN = frozenset({"head", "script", "style", "template", "title"})
_RTF_START = b"{\\rtf"
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_PLAIN = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
_CHARSETS = frozenset(
    {"us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "utf-16", "utf-16le", "utf-16be"},
)
_SEVERAL_BREAKS = re.compile(r"\s*\n\s*")


@dataclass(frozen=True, slots=True)
class Text:
    """The text of an attachment, or why it has none; `is_guessed` where its charset had to be guessed."""

    text: str = ""
    problem: str = ""
    is_guessed: bool = False


def read_best(attachments: Iterable[Attachment]) -> Text:
    """Return the first readable text: several attachments of one document are its formats.

    Shape: where none is readable, the first problem.
    """
    read = [read_attachment(attachment) for attachment in attachments]
    readable = next((text for text in read if not text.problem), None)
    return readable or (read[0] if read else Text(problem="no content"))


def read_attachment(attachment: Attachment) -> Text:
    """Decode one attachment."""
    if not attachment.data:
        return Text(problem="content elsewhere" if attachment.url else "no content")
    try:
        content = base64.b64decode("".join(attachment.data.split()), validate=True)
    except (binascii.Error, ValueError):
        return Text(problem="not valid base64")
    media_type, _, parameters = (attachment.content_type or "").casefold().partition(";")
    return _read_content(content, media_type.strip(), parameters)


def _read_content(content: bytes, media_type: str, parameters: str) -> Text:
    if content.startswith(_RTF_START):
        return Text(rtf_to_text(content.decode("cp1252", "replace")))
    if media_type in _HTML:
        read = _decode(content, parameters)
        return Text(strip_html(read.text), is_guessed=read.is_guessed)
    if media_type in _PLAIN or (not media_type and _looks_like_text(content)):
        return _decode(content, parameters)
    kind = media_type if re.fullmatch(r"[a-z0-9.+/-]{1,60}", media_type) else "unknown media type"
    return Text(problem=kind)


def strip_html(html: str) -> str:
    """Return what a person would read of HTML: no tags, scripts or styles, one line for each block."""
    parser = _TextOnly()
    parser.feed(html)
    parser.close()
    return _SEVERAL_BREAKS.sub("\n", "".join(parser.parts)).strip()


class _TextOnly(HTMLParser):
    """Collect text; whatever is inside a hidden element is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Start a line at a block, and stop reading at a hidden element."""
        del attrs
        self._hidden += tag in _HIDDEN
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """End a line at a block, and read on after a hidden element."""
        self._hidden = max(0, self._hidden - (tag in _HIDDEN))
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep text that is shown."""
        if not self._hidden:
            self.parts.append(data)


def _decode(content: bytes, parameters: str) -> Text:
    """Decode by the charset that is stated, else as UTF-8, else as Windows-1252, and say so."""
    stated = re.search(r"charset\s*=\s*\"?([a-z0-9_.:-]+)", parameters)
    named = stated[1] if stated else ""
    for charset in (named if named in _CHARSETS else "utf-8-sig", "utf-8-sig"):
        try:
            return Text(content.decode(charset))
        except UnicodeDecodeError:
            continue
    return Text(content.decode("cp1252", "replace"), is_guessed=True)


def _looks_like_text(content: bytes) -> bool:
    if content.startswith((b"%PDF", b"PK")) or b"\x00" in content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
