"""The narrative of a CDA document, and the text of other XML. Pure: no I/O, no clock. HL7 CDA R2 4.3.5.

Of a CDA document the titles and `text` blocks of its sections are read, each title on a line of its own; header and coded
entries say nothing here. Of other XML all character data is read, an element to a line.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from xml.parsers import expat

from worker.decode.documents.extract import BROKEN, ELSEWHERE, EMPTY, NESTED, Extract
from worker.decode.documents.layout import Lines

if TYPE_CHECKING:
    from collections.abc import Mapping

DEEPEST = 256
"""Elements that may stand open inside each other."""

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
_ENCODING = re.compile(rb"\s{0,64}<\?xml[^<>]{0,200}?encoding\s{0,9}=\s{0,9}[\"']([\w.-]{1,40})")
_DOCUMENT = "ClinicalDocument"
_NARRATIVE = frozenset({"title", "text"})
_LINES = frozenset({"paragraph", "list", "caption", "title", "text", "footnote", "thead", "tbody", "tfoot"})
_BEGIN = {"table": Lines.table, "tr": Lines.row, "td": Lines.cell, "th": Lines.cell, "item": Lines.point}
_SPACE = re.compile(r"[ \t\r\n]+")


class Body:
    """A `nonXMLBody`: another document inside, with its media type; `is_base64` as its `representation` says.

    Shape: `is_elsewhere` where it only says where the document is.
    """

    def __init__(self, media_type: str, *, is_base64: bool) -> None:
        """Begin with nothing inside."""
        self.media_type = media_type
        self.is_base64 = is_base64
        self.is_elsewhere = False
        self.parts: list[str] = []

    @property
    def content(self) -> bytes | None:
        """Return the bytes, None where they are no base64."""
        text = "".join(self.parts)
        if not self.is_base64:
            return text.encode()
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            return None


def read_xml(content: bytes) -> Extract | Body:
    """Read an XML document, or return the body that it only wraps."""
    is_guessed = _is_mislabelled(content)
    if is_guessed:
        content = content.decode("cp1252", "replace").encode()
    narrative, gap = _Narrative(), ""
    try:
        narrative.read(content, "utf-8" if is_guessed else None)
    except _RefusedError as refused:
        return Extract(problem=str(refused))
    except (expat.ExpatError, ValueError, LookupError):
        gap = f"xml {BROKEN}"
    if narrative.body is not None and not gap:
        return Extract(problem=ELSEWHERE) if narrative.body.is_elsewhere else narrative.body
    found = narrative.lines.text
    if not found:
        return Extract(problem=gap or f"xml {EMPTY}")
    return Extract(found, gap=gap, is_guessed=is_guessed)


def _is_mislabelled(content: bytes) -> bool:
    """Tell whether what calls itself UTF-8, or nothing, is none."""
    if content.startswith(_WIDE_MARKS):
        return False
    stated = _ENCODING.match(content)
    if stated is not None and stated[1].lower() not in {b"utf-8", b"us-ascii"}:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


class _RefusedError(Exception):
    """Something that no note needs and that is made to do harm."""


class _Narrative:
    """What is read so far, and the elements that stand open."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.body: Body | None = None
        self._open: list[str] = []
        self._is_document = False
        self._narrative_depth = 0
        self._deleted_depth = 0
        self._in_body = False

    def read(self, content: bytes, encoding: str | None = None) -> None:
        parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        parser.EntityDeclHandler = self.refuse
        parser.Parse(content, True)  # noqa: FBT003 - that this is all has no name there

    def refuse(self, *_declared: object) -> None:
        raise _RefusedError("xml with entities")

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        tag = name.rpartition(":")[2]
        above = self._open[-1] if self._open else ""
        if not self._open:
            self._is_document = tag == _DOCUMENT
        if len(self._open) >= DEEPEST:
            raise _RefusedError(NESTED)
        self._open.append(tag)
        if self._is_document and not self._narrative_depth:
            if tag == "text" and above == "nonXMLBody":
                is_base64 = attributes.get("representation", "").upper() == "B64"
                self.body = Body(attributes.get("mediaType", ""), is_base64=is_base64)
                self._in_body = True
            elif tag in _NARRATIVE and above == "section":
                self._narrative_depth = len(self._open)
        if self._in_body and self.body is not None and tag == "reference":
            self.body.is_elsewhere = True
        if self._is_read and attributes.get("revised") == "delete":
            self._deleted_depth = len(self._open)
        if self._is_read:
            self._begin(tag)

    def end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        if self._is_read:
            self._end(tag)
        if len(self._open) == self._narrative_depth:
            self._narrative_depth = 0
        if len(self._open) == self._deleted_depth:
            self._deleted_depth = 0
        self._open.pop()
        self._in_body = False

    def characters(self, data: str) -> None:
        if self._in_body and self.body is not None:
            self.body.parts.append(data)
        elif self._is_read:
            self.lines.add(_SPACE.sub(" ", data))

    @property
    def _is_read(self) -> bool:
        return not self._deleted_depth and (not self._is_document or self._narrative_depth > 0)

    def _begin(self, tag: str) -> None:
        if tag == "br":
            self.lines.line_break()
        elif tag in _BEGIN:
            _BEGIN[tag](self.lines)
        elif tag in _LINES or not self._is_document:
            self.lines.block()

    def _end(self, tag: str) -> None:
        if tag == "table":
            self.lines.end_table()
        elif tag == "tr":
            self.lines.row()
        elif tag in _LINES or tag == "item" or not self._is_document:
            self.lines.block()
