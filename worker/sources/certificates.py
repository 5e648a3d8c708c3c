"""Read until when a certificate is valid: the library's TLS tells it of peers only, never of one's own files.

Source: ITU-T X.690 (DER), RFC 5280 section 4.1.2.5 (Validity).
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from worker.model.errors import ConfigError
from worker.model.time import SECOND_MS, EpochMs

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_LONG: Final = 0x80
_EXPLICIT_VERSION: Final = 0xA0
_SEQUENCE: Final = 0x30
_UTC_TIME: Final = 0x17
_PIVOT: Final = 50


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a certificate is valid."""

    from_ms: EpochMs
    until_ms: EpochMs


def validity(path: Path) -> Validity:
    """Read when the certificates of a PEM file are all valid.

    Raises: ConfigError where the file cannot be read or holds no certificate.
    """
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the certificate cannot be read; it must be a PEM file", str(path)) from error
    try:
        found = [_validity(ssl.PEM_cert_to_DER_cert(block)) for block in _PEM.findall(text)]
    except (ValueError, IndexError) as error:
        raise ConfigError("the file holds a damaged certificate", str(path)) from error
    if not found:
        raise ConfigError("the file holds no certificate", str(path))
    return Validity(max(one.from_ms for one in found), min(one.until_ms for one in found))


def _validity(der: bytes) -> Validity:
    """Walk Certificate → tbsCertificate → [version] serial signature issuer validity."""
    _, certificate, _ = _element(der)
    _, body, _ = _element(certificate)
    tag, _, rest = _element(body)
    skipped = 3 if tag == _EXPLICIT_VERSION else 2
    for _ in range(skipped):
        _, _, rest = _element(rest)
    tag, times, _ = _element(rest)
    if tag != _SEQUENCE:
        raise ValueError("no validity where it belongs")
    first, begin, times = _element(times)
    second, end, _ = _element(times)
    return Validity(_instant(first, begin), _instant(second, end))


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Split off one element: its tag, its content, and what follows."""
    tag, length, start = data[0], data[1], 2
    if length & _LONG:
        start += length & ~_LONG
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError("an element is longer than its surroundings")
    return tag, data[start : start + length], data[start + length :]


def _instant(tag: int, content: bytes) -> EpochMs:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = ("20" if int(text[:2]) < _PIVOT else "19") + text
    parsed = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    return int(parsed.timestamp()) * SECOND_MS
