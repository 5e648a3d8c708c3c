"""Documents that travel inside messages, to their text: plain, RTF, HTML, PDF, XML and CDA, MIME. Pure: no I/O, no clock.

What the bytes are decides before what they are said to be. Readers never raise; the work on one document is bounded by its
size, its nesting and, for PDF, the calls that its reader may make (ADR 0031).
"""

from worker.decode.documents.encoding import BROKEN_ENCODING, MAX_CHARACTERS, from_base64, from_hex
from worker.decode.documents.extract import ELSEWHERE, EMPTY, GUESSED, NESTED, TOO_LONG, Extract
from worker.decode.documents.markup import read_html
from worker.decode.documents.pdf import PICTURE
from worker.decode.documents.read import MAX_BYTES, Kind, kind_of, read_document, read_text
from worker.decode.documents.rtf import is_rtf, read_rtf, rtf_to_text

__all__ = [
    "BROKEN_ENCODING",
    "ELSEWHERE",
    "EMPTY",
    "GUESSED",
    "MAX_BYTES",
    "MAX_CHARACTERS",
    "NESTED",
    "PICTURE",
    "TOO_LONG",
    "Extract",
    "Kind",
    "from_base64",
    "from_hex",
    "is_rtf",
    "kind_of",
    "read_document",
    "read_html",
    "read_rtf",
    "read_text",
    "rtf_to_text",
]
