"""Checks on JSON text that a fast decoder does not make: encoding and repeated keys. Pure: no I/O, no clock.

A repeated key makes a document ambiguous (which of two subjects?), and every JSON library picks silently. The full check
costs several times the decoding, so it runs only where a key that decides who, when, what or whether occurs twice;
two different `resourceType` of one object are refused by the decoder itself.
Source: RFC 8259 (sections 4 and 8.1), HL7 FHIR R4 "JSON representation" (property names are unique).
"""

from __future__ import annotations

import codecs
import json

from worker.model.errors import DecodeError

# Without the closing quote: a search for a text that ends in a rare letter is faster.
_SUBJECT, _STATUS, _VALUE, _TIME = b'"subject', b'"status', b'"valueQuantity', b'"effectiveDateTime'


TOO_MANY = "too many elements"
"""A small text can hold millions of empty elements, and each costs a hundred times its text when it is decoded."""

# No document of 25 MB that says something has as many; one that has them takes some 100 MB and a second.
_MAX_COMMAS = 1_000_000


def check_amount(data: bytes) -> None:
    """Refuse a text of more elements than can be decoded in reasonable memory.

    Raises: DecodeError with the reason `TOO_MANY`.
    """
    if len(data) > _MAX_COMMAS and data.count(b",") > _MAX_COMMAS:
        raise DecodeError(TOO_MANY)


def strip_bom(data: bytes) -> bytes:
    """Remove a UTF-8 byte order mark."""
    return data.removeprefix(codecs.BOM_UTF8)


def check_text(raw: bytes) -> None:
    """Refuse bytes that are no UTF-8 and objects that repeat a key.

    Raises: DecodeError, never with any of the content.
    """
    if not raw.isascii():
        _check_utf8(raw)
    if _repeats_a_deciding_key(raw):
        check_unique_keys(raw)


def check_unique_keys(raw: bytes, *, only_type: str = "") -> None:
    """Refuse a document in which an object repeats a key; with `only_type` only objects of that `resourceType` count.

    Raises: DecodeError.
    """

    def refuse_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs) and (not only_type or ("resourceType", only_type) in pairs):
            raise DecodeError("repeated key in a JSON object")
        return found

    try:
        json.loads(raw, object_pairs_hook=refuse_repeats, parse_int=str, parse_float=str)
    except RecursionError:
        raise DecodeError("nested too deeply") from None
    except ValueError:
        raise DecodeError("not valid JSON") from None


def _repeats_a_deciding_key(raw: bytes) -> bool:
    if raw.count(_SUBJECT) > 1 or raw.count(_TIME) > 1:
        return True
    # A narrative (`text.div`) has a status of its own, and each component its own value.
    statuses = raw.count(_STATUS)
    if statuses > 2 or (statuses > 1 and b'"div"' not in raw):
        return True
    return raw.count(_VALUE) > 1 and b'"component"' not in raw


def _check_utf8(raw: bytes) -> None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise DecodeError("not valid UTF-8") from None
