"""Choose the reader of a document by its bytes, then by its stated kind. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from enum import StrEnum

from worker.decode.documents.cda import Body, read_xml
from worker.decode.documents.encoding import BROKEN_ENCODING
from worker.decode.documents.extract import EMPTY, NESTED, TOO_LONG, Extract
from worker.decode.documents.layout import as_shown
from worker.decode.documents.markup import holds_tags, read_html, read_tagged
from worker.decode.documents.mime import is_mixed, read_parts
from worker.decode.documents.pdf import is_pdf, read_pdf
from worker.decode.documents.plain import binary_kind, decode_text, is_text
from worker.decode.documents.rtf import is_rtf, read_rtf

MAX_BYTES = 2_000_000
"""Of everything but PDF; house choice: a longer document is no note."""

UNKNOWN = "unknown kind"
_DEEPEST = 3
"""Documents inside documents."""

_RTF = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}\{\\rtf")
_XML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,64}(?:<!--[^>]{0,500}-->\s{0,64})?<(?:\?xml\b|(?:\w{1,20}:)?ClinicalDocument\b)"
)
_MIME = re.compile(rb"\s{0,64}(?:mime-version:|content-type:\s{0,16}multipart/)", re.IGNORECASE)
_HTML_ROOT = re.compile(rb"<(?:!doctype\s+)?html\b", re.IGNORECASE)
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}<(?:!doctype\s+)?html\b", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*\"?([a-z0-9_.:-]+)", re.IGNORECASE)


class Kind(StrEnum):
    """Name what a document is written in."""

    PLAIN = "plain"
    RTF = "rtf"
    HTML = "html"
    PDF = "pdf"
    XML = "xml"
    MIME = "mime"


_NAMES = {
    Kind.PLAIN: "txt text plain text/plain text/markdown text/x-markdown ft tx",
    Kind.RTF: "rtf x-rtf text/rtf application/rtf text/richtext application/x-rtf",
    Kind.HTML: "html htm xhtml text/html application/xhtml+xml",
    Kind.PDF: "pdf application/pdf application/x-pdf",
    Kind.XML: "xml text/xml application/xml cda x-hl7-cda-level-one application/hl7-cda+xml application/cda+xml hl7-cda",
    Kind.MIME: "multipart mime multipart/related multipart/mixed multipart/alternative message/rfc822",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_PICTURED = (
    "jpeg",
    "jpg",
    "png",
    "tiff",
    "gif",
    "dicom",
    "json",
    "msword",
    "wordprocessingml",
    "zip",
    "audio",
    "video",
)


def kind_of(content: bytes, stated: str) -> Kind | None:
    """Tell what a document is, None where nobody here reads it.

    Shape: `stated` is a subtype or media type as sent ("RTF", "text/html; charset=utf-8"), or empty. A mark in the bytes
    counts more.
    """
    if is_pdf(content):
        return Kind.PDF
    if _RTF.match(content):
        return Kind.RTF
    if _MIME.match(content):
        return Kind.MIME
    kind = _KINDS.get(stated.partition(";")[0].strip().casefold())
    if _XML.match(content) and kind is not Kind.HTML:
        return Kind.HTML if _HTML_ROOT.search(content[:1024]) else Kind.XML
    if kind is None and _HTML.match(content):
        return Kind.HTML
    if kind is None and not stated.strip() and is_text(content):
        return Kind.PLAIN
    return kind


def named(stated: str) -> str:
    """Name a kind only where it is one of the usual words: the field may hold anything."""
    word = stated.casefold()
    return next((known for known in (*Kind, *_PICTURED) if known in word), UNKNOWN)


def read_document(content: bytes, stated: str = "", depth: int = 0) -> Extract:
    """Return the text of a document, or why it has none; never raises."""
    kind = kind_of(content, stated)
    if kind is None:
        name = named(stated)
        return Extract(problem=name if name != UNKNOWN else binary_kind(content) or UNKNOWN)
    if kind is Kind.PDF:
        return read_pdf(content) if is_pdf(content) else Extract(problem="pdf broken")
    if len(content) > MAX_BYTES:
        return Extract(problem=TOO_LONG)
    if kind not in {Kind.MIME, Kind.XML} and (binary := binary_kind(content)):
        return Extract(problem=binary)
    if kind is Kind.MIME:
        return _read_inside(content, depth)
    if kind is Kind.XML:
        return _read_xml(content, depth)
    charset = _CHARSET.search(stated)
    decoded = decode_text(content, charset[1] if charset else "")
    if not decoded.text.strip():
        return Extract(problem=EMPTY)
    if kind is Kind.PLAIN:
        read = read_text(decoded.text)
    else:
        read = read_rtf(decoded.text) if kind is Kind.RTF else read_html(decoded.text)
    is_guessed = decoded.is_guessed and kind is not Kind.RTF and not read.problem
    return Extract(read.text, read.problem, read.gap, is_guessed)


def read_text(text: str) -> Extract:
    """Read a text that is called plain: RTF and tags of HTML are read as what they are."""
    if is_rtf(text):
        return read_rtf(text)
    if holds_tags(text):
        return read_tagged(text)
    return Extract(as_shown(text))


def _read_xml(content: bytes, depth: int) -> Extract:
    found = read_xml(content)
    if not isinstance(found, Body):
        return found
    inside = found.content
    if inside is None:
        return Extract(problem=BROKEN_ENCODING)
    if depth >= _DEEPEST:
        return Extract(problem=NESTED)
    return read_document(inside, found.media_type, depth + 1)


def _read_inside(content: bytes, depth: int) -> Extract:
    """Read the parts of a MIME message: all that follow each other, else the first that can be read.

    Shape: a part that cannot be read is a gap, a picture beside text is none.
    """
    if depth >= _DEEPEST:
        return Extract(problem=NESTED)
    texts: list[Extract] = []
    problem = gap = ""
    for stated, inside in read_parts(content):
        read = read_document(inside, stated, depth + 1)
        problem = problem or read.problem
        if not stated.casefold().startswith("image/"):
            gap = gap or read.problem or read.gap
        if read.text:
            texts.append(read)
            if not is_mixed(content):
                return read
    if not texts:
        return Extract(problem=problem or f"mime {EMPTY}")
    found = "\n".join(read.text.strip() for read in texts)
    return Extract(found, gap=gap, is_guessed=any(read.is_guessed for read in texts))
