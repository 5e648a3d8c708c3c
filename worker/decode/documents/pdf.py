"""The text layer of a PDF. Pure: no I/O (the bytes are in memory), no clock. ISO 32000-1, by pypdf (ADR 0031).

Text comes page by page in the order of its content; a line of a table is a line, its cells parted by a space. Nothing is
recognised in pictures: a page that is one is said to be unread.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from worker.decode.documents.extract import BROKEN, EMPTY, TOO_LONG, Extract
from worker.decode.documents.fuel import Fuel, SpentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pypdf import PageObject, PdfReader

MAX_BYTES = 16_000_000
"""A larger one is not read; house choice: far above a letter with pictures."""

MAX_CALLS = 6_000_000
"""Work for one document; house choice: a thousand short pages, or two dozen whose every word has its own place (ADR 0031)."""

PICTURE = "pdf page without text"
LOCKED = "pdf encrypted"
REST = "rest of a long pdf"
_MARK = b"%PDF-"
_MARK_WITHIN = 1024
_LIMITS: dict[str, Any] = {  # Any: other settings of pypdf are no numbers
    "maximum_declared_stream_length": MAX_BYTES,
    "array_based_stream_maximum_output_length": 4_000_000,
    "zlib_maximum_output_length": 4_000_000,
    "zlib_maximum_recovery_input_length": 200_000,
    "lzw_maximum_output_length": 1_000_000,
    "run_length_maximum_output_length": 1_000_000,
    "stream_filters_maximum_length": 4,
    "stream_decoding_work_maximum_length": 16_000_000,
    "xform_maximum_invocations_per_extraction": 200,
    "page_tree_maximum_entries": 10_000,
    "page_tree_maximum_depth": 50,
}


def is_pdf(content: bytes) -> bool:
    """Tell whether bytes are a PDF, perhaps behind a few others."""
    return _MARK in content[:_MARK_WITHIN]


def read_pdf(content: bytes) -> Extract:
    """Read the text layer; never raises. What is read before the work is used up is kept, and the rest is named as a gap."""
    if len(content) > MAX_BYTES:
        return Extract(problem=f"pdf {TOO_LONG}")
    # Slow to import, for those who send PDF; jbig2dec is a program that pypdf would start for a kind of picture.
    from pypdf import PdfReader, apply_configuration  # noqa: PLC0415

    pages: list[str] = []
    gap = ""
    try:
        with apply_configuration(jbig2dec_binary=None, **_LIMITS), Fuel("pypdf", MAX_CALLS):
            for text, has_picture in _pages(PdfReader(BytesIO(content))):
                pages.append(text)
                gap = gap or (PICTURE if has_picture and not text else "")
    except SpentError:
        gap = REST
    except _LockedError:
        return Extract(problem=LOCKED)
    except Exception:  # noqa: BLE001  pypdf raises nearly anything for bytes that are no PDF: KeyError, RecursionError
        if not any(pages):
            return Extract(problem=f"pdf {BROKEN}")
        gap = f"pdf {BROKEN}"
    found = "\n".join(page for page in pages if page)
    if not found:
        return Extract(problem=f"pdf {TOO_LONG}" if gap == REST else f"pdf {EMPTY}")
    return Extract(found, gap=gap)


class _LockedError(Exception):
    """A password is needed."""


def _pages(reader: PdfReader) -> Iterator[tuple[str, bool]]:
    if reader.is_encrypted:
        raise _LockedError
    for page in reader.pages:
        text = _lines(page.extract_text())
        yield text, not text and _has_picture(page)


def _lines(text: str) -> str:
    shown = (line.strip() for line in text.replace("\x00", "").splitlines())
    return "\n".join(line for line in shown if line)


def _has_picture(page: PageObject) -> bool:
    resources = page.get("/Resources")
    found = resources.get_object().get("/XObject") if resources is not None else None
    return bool(found is not None and found.get_object())
