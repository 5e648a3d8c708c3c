"""Read of a FHIR JSON document only what an HTTP answer needs: what it is, not what it says. Pure: no I/O, no clock.

Source: HL7 FHIR R4 (4.0.1) "RESTful API" (create, update, batch, transaction).
"""

from __future__ import annotations

import re

import msgspec

from worker.decode.fhir import guard
from worker.model.errors import DecodeError

NO_TYPE = "no resourceType"
TOO_MANY = guard.TOO_MANY
MAX_ENTRIES = 50_000
"""Each entry of a Bundle is answered."""

_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{1,63}")


class Envelope(msgspec.Struct, frozen=True):
    """Say what a document is.

    Shape: `resource_id` and `bundle_type` are empty where there is none that is text. `methods` has one item for each
    entry of a Bundle, in its order: `request.method` as written, empty where there is none.
    """

    resource_type: str
    resource_id: str = ""
    bundle_type: str = ""
    methods: tuple[str, ...] = ()


class _Head(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()


class _Bundle(msgspec.Struct, frozen=True):
    type: msgspec.Raw = msgspec.Raw()
    entry: tuple[msgspec.Raw, ...] = ()


class _Request(msgspec.Struct, frozen=True):
    method: str = ""


class _Entry(msgspec.Struct, frozen=True):
    request: _Request = _Request()


_HEAD = msgspec.json.Decoder(_Head)
_BUNDLE = msgspec.json.Decoder(_Bundle)
_ENTRY = msgspec.json.Decoder(_Entry)
_TEXT = msgspec.json.Decoder(str)


def read_envelope(body: bytes) -> Envelope:
    """Read what a document is; of the rest only the grammar of JSON is checked.

    Raises: DecodeError where it is no JSON object; with the reason `NO_TYPE` where it is one that names no resource type,
    `TOO_MANY` where it holds more than is read at one time.
    """
    body = guard.strip_bom(body)
    guard.check_amount(body)
    head = _read_head(body)
    resource_type = _text(head.resource_type)
    if not _TYPE_NAME.fullmatch(resource_type):
        raise DecodeError(NO_TYPE)
    if resource_type != "Bundle":
        return Envelope(resource_type, _text(head.id))
    try:
        bundle = _BUNDLE.decode(body)
    except msgspec.ValidationError:
        bundle = _Bundle()  # its entries are no list: told by what reads it later
    if len(bundle.entry) > MAX_ENTRIES:
        raise DecodeError(TOO_MANY)
    return Envelope(resource_type, _text(head.id), _text(bundle.type), tuple(map(_method, bundle.entry)))


def _read_head(body: bytes) -> _Head:
    try:
        return _HEAD.decode(body)
    except msgspec.ValidationError:
        raise DecodeError("not a JSON object") from None
    except RecursionError:
        raise DecodeError("nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DecodeError("not valid JSON") from None


def _text(raw: msgspec.Raw) -> str:
    try:
        return _TEXT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _method(raw: msgspec.Raw) -> str:
    try:
        return _ENTRY.decode(raw).request.method
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
