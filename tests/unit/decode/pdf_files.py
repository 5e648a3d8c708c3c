"""Small PDF files made by hand, byte by byte. ISO 32000-1 ch. 7."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

_FONT, _PICTURE = 1, 2
_FIXED = (
    b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    (
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
        b" /Length 1 >>\nstream\n\x00\nendstream"
    ),
)


def pdf(*pages: bytes, trailer: bytes = b"") -> bytes:
    """Write a file whose pages have these content streams; each may show the picture /I."""
    parent = len(_FIXED) + 2 * len(pages) + 1
    objects = list(_FIXED)
    for content in pages:
        packed = zlib.compress(content)
        objects.append(
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(packed), packed)
        )
        objects.append(
            b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 612 792] /Contents %d 0 R /Resources"
            b" << /Font << /F1 %d 0 R >> %b >> >>"
            % (
                parent,
                len(objects),
                _FONT,
                b"/XObject << /I %d 0 R >>" % _PICTURE if b"/I Do" in content else b"",
            )
        )
    kids = b" ".join(b"%d 0 R" % (len(_FIXED) + 2 * at + 2) for at in range(len(pages)))
    objects.append(b"<< /Type /Pages /Count %d /Kids [%b] >>" % (len(pages), kids))
    objects.append(b"<< /Type /Catalog /Pages %d 0 R >>" % parent)
    return _file(objects, trailer)


def lines(*texts: str, top: int = 700) -> bytes:
    """Write a page of lines."""
    return cells([[text] for text in texts], top)


def cells(rows: Iterable[Sequence[str]], top: int = 700) -> bytes:
    """Write a page of rows, each cell a text of its own at its place."""
    return b"".join(
        b"BT /F1 11 Tf 1 0 0 1 %d %d Tm (%b) Tj ET\n" % (72 + 150 * across, top - 20 * down, cell.encode())
        for down, row in enumerate(rows)
        for across, cell in enumerate(row)
    )


def _file(objects: Sequence[bytes], trailer: bytes) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root %d 0 R %b>>\n" % (len(objects) + 1, len(objects), trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF" % start)
