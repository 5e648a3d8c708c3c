"""The text layer of a PDF. Pure: no I/O (the bytes are in memory), no clock. ISO 32000-1, by pypdf (ADR 0031).

Text comes page by page in the order of its content; the cells of a row are "name: value; more" where a wide gap parts them,
else parted by a blank. A word that a hyphen breaks at the end of a line is whole again. Nothing is recognised in pictures: a
page that is one, perhaps below a line or two, is said to be unread, and so are the fields of forms.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

from worker.decode.documents.extract import BROKEN, EMPTY, TOO_LONG, Extract
from worker.decode.documents.fuel import Fuel, SpentError
from worker.decode.documents.layout import as_shown, join_cells
from worker.decode.documents.pdf_rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pypdf import PageObject, PdfReader

MAX_BYTES = 16_000_000
"""A larger one is not read; house choice: far above a letter with pictures."""

MAX_CALLS = 6_000_000
"""Work for one document; house choice: a thousand short pages, or two dozen whose every word has its own place (ADR 0031)."""

PICTURE = "pdf page without text"
FORM = "pdf form"
LOCKED = "pdf encrypted"
REST = "rest of a long pdf"
_SCAN_PIXELS = 700
"""A picture with as many on both sides may be a scanned page; house choice: a page at 72 dots an inch has 595 and 842."""
_STAMP = 200
"""Letters; a page with a picture that may be a scan and no more text than this has a stamp, not a text (house choice)."""
_MARK = b"%PDF-"
_MARK_WITHIN = 1024
_BROKEN_WORD = re.compile(r"([^\W\d_]{2,40})-\n([^\W\d_A-Z]{2,40})")
_PREFIXES = "post pre non self follow semi co anti re mid well low high left right intra extra sub"
_HYPHENATED = frozenset(_PREFIXES.split())
_SHOWS_TEXT = re.compile(rb"T[jJ]|Do|['\"]")
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
    from pypdf.errors import DependencyError  # noqa: PLC0415

    pages: list[str] = []
    gap = ""
    try:
        with apply_configuration(jbig2dec_binary=None, **_LIMITS), Fuel("pypdf", MAX_CALLS):
            reader = PdfReader(BytesIO(content))
            for text, is_picture in _pages(reader):
                pages.append(text)
                gap = gap or (PICTURE if is_picture else "")
            gap = gap or (FORM if _has_form(reader) else "")
    except SpentError:
        gap = REST
    except _LockedError:
        return Extract(problem=LOCKED)
    except DependencyError:  # a cipher that pypdf has no library for
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
    if reader.is_encrypted and not reader.decrypt(""):
        raise _LockedError
    for page in reader.pages:
        text = _lines(_rows(page))
        yield text, len(text) < _STAMP and _is_picture(page, has_text=bool(text))


def _rows(page: PageObject) -> str:
    """Return the text of a page with cells marked; figures alone are not looked into."""
    content = page.get_contents()
    if content is None or _SHOWS_TEXT.search(content.get_data()) is None:
        return ""
    rows = Rows()
    return rows.text(page.extract_text(visitor_text=rows.take))


def _lines(text: str) -> str:
    shown = (join_cells(line) for line in text.replace("\x00", "").splitlines())
    return as_shown(_BROKEN_WORD.sub(_joined, "\n".join(line for line in shown if line)))


def _joined(broken: re.Match[str]) -> str:
    """Put a word together that a hyphen breaks; the hyphen stays where it is likely a part of the word."""
    begin, end = broken.groups()
    return f"{begin}-{end}" if begin.casefold() in _HYPHENATED else f"{begin}{end}"


def _is_picture(page: PageObject, *, has_text: bool) -> bool:
    """Tell whether a page shows pictures: any, or beside text such as may be the scan of a page."""
    resources = page.get("/Resources")
    found = resources.get_object().get("/XObject") if resources is not None else None
    shown = found.get_object() if found is not None else {}
    if not has_text:
        return bool(shown)
    return any(_is_scan(one.get_object()) for one in shown.values())


def _is_scan(shown: Any) -> bool:  # noqa: ANN401 - whatever the file has there
    sides = (shown.get("/Width"), shown.get("/Height"))
    return all(isinstance(side, int) and side >= _SCAN_PIXELS for side in sides)


def _has_form(reader: PdfReader) -> bool:
    form = reader.root_object.get("/AcroForm")
    return form is not None and bool(form.get_object().get("/Fields"))
