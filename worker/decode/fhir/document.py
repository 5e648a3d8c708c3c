"""Decode one FHIR JSON document, a resource or a Bundle, entry by entry. Pure: no I/O, no clock.

Source: HL7 FHIR R4 (4.0.1) and R5 (5.0.0), "Bundle" and "JSON representation".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias, final

import msgspec

from worker.decode.fhir import guard
from worker.decode.fhir.datatypes import Element, Identifier, Meta
from worker.decode.fhir.resources import AnyResource
from worker.model.errors import DecodeError

MAX_NESTED_BUNDLES = 4
"""A Bundle in a Bundle is usual (batch responses, messages with history); more than this is an attack or a mistake."""


class OtherResource(Element, frozen=True):
    """A resource of a type that is not read: its name is enough to count it."""

    resource_type: str
    id: str | None = None
    meta: Meta | None = None

    @property
    def type_name(self) -> str:
        """Return `resourceType`."""
        return self.resource_type


DecodedResource: TypeAlias = AnyResource | OtherResource


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A decoded resource, where it stands in the document, and its bytes.

    Shape: `place` is "Bundle.entry[3].resource", or the resource type for a single one; `full_url` empty where there is none.
    """

    place: str
    full_url: str
    resource: DecodedResource
    raw: bytes


@dataclass(frozen=True, slots=True)
class BadEntry:
    """An entry that cannot be read while the others can: its place, a constant reason, its bytes for quarantine."""

    place: str
    reason: str
    raw: bytes


class Deletion(msgspec.Struct, frozen=True, gc=False):
    """An entry that deletes a resource: where it stands, what it names ("Observation/7"), when that was, as written."""

    place: str
    url: str
    modified_at: str


class FhirDocument(msgspec.Struct, frozen=True, gc=False):
    """What one document holds.

    Shape: `type_name` is the resource type, or "Bundle" followed by its type ("Bundle transaction"). `resources` in the order
    of the document, nested Bundles flattened. `message_at` is `meta.lastUpdated`, else `Bundle.timestamp`, as written.
    """

    type_name: str
    document_id: str
    message_at: str
    resources: tuple[Placed, ...]
    bad_entries: tuple[BadEntry, ...] = ()
    deletions: tuple[Deletion, ...] = ()

    @property
    def is_bundle(self) -> bool:
        """Tell whether the resources came in a Bundle."""
        return self.type_name.startswith("Bundle")


class _Request(Element, frozen=True):
    method: str | None = None
    url: str | None = None


class _Response(Element, frozen=True):
    last_modified: str | None = None


class _Entry(Element, frozen=True):
    full_url: str | None = None
    resource: msgspec.Raw = msgspec.Raw()
    request: _Request | None = None
    response: _Response | None = None


class _Found:
    """What the entries of a Bundle hold, nested Bundles included."""

    __slots__ = ("bad_entries", "deletions", "resources")

    def __init__(self) -> None:
        self.resources: list[Placed] = []
        self.bad_entries: list[BadEntry] = []
        self.deletions: list[Deletion] = []


@final
class _Bundle(Element, frozen=True, tag_field="resourceType", tag="Bundle"):
    id: str | None = None
    meta: Meta | None = None
    identifier: Identifier | None = None
    type: str | None = None
    timestamp: str | None = None
    entry: tuple[msgspec.Raw, ...] | None = None


_INDEX = re.compile(r"\[[0-9.]*\]")
_DOCUMENT = msgspec.json.Decoder(AnyResource | _Bundle)
_ENTRY = msgspec.json.Decoder(_Entry)
_OTHER = msgspec.json.Decoder(OtherResource)
READ_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in (*AnyResource.__args__, _Bundle))


def decode_document(body: bytes) -> FhirDocument:
    """Decode a resource or a Bundle.

    Raises: DecodeError where the bytes are no JSON, no FHIR resource, or a resource of the wrong shape. A bad entry of a
    Bundle raises nothing: it is returned in `bad_entries`.
    """
    body = guard.strip_bom(body)
    guard.check_amount(body)
    decoded = _decode_any(body)
    if type(decoded) is _Bundle:  # a struct that is another one answers `isinstance` late
        return _read_bundle(decoded, body)
    guard.check_text(body)
    name, meta = decoded.type_name, decoded.meta
    updated = (meta.last_updated or "") if meta else ""
    return FhirDocument(name, decoded.id or "", updated, (Placed(name, "", decoded, body),))


def decode_resource(raw: bytes) -> DecodedResource:
    """Decode one resource that is no Bundle, such as a contained one.

    Raises: DecodeError.
    """
    decoded = _decode_any(raw)
    if isinstance(decoded, _Bundle):
        raise DecodeError("a Bundle where a resource is expected")
    guard.check_text(raw)
    return decoded


def _decode_any(raw: bytes) -> DecodedResource | _Bundle:
    try:
        decoded: AnyResource | _Bundle = _DOCUMENT.decode(raw)
    except msgspec.ValidationError as problem:
        return _decode_other(raw, problem)
    except RecursionError:
        raise DecodeError("nested too deeply") from None
    except UnicodeDecodeError:
        raise DecodeError("not valid UTF-8") from None
    except msgspec.DecodeError:
        raise DecodeError("not valid JSON") from None
    return decoded


def _decode_other(raw: bytes, problem: msgspec.ValidationError) -> OtherResource:
    """Read the name of a type that is not read, or say where a known type has the wrong shape."""
    try:
        other = _OTHER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DecodeError("no resourceType") from None
    if other.resource_type in READ_TYPES or not other.resource_type.isalnum():
        raise DecodeError(f"unexpected shape{_shape_place(problem)}")
    return other


def _shape_place(problem: msgspec.ValidationError) -> str:
    """Return " at $.component[].code" from an error: element names only, no index and never a value."""
    _, found, path = str(problem).rpartition(" - at `")
    return f" at {_INDEX.sub('[]', path.rstrip('`'))}" if found else ""


def _read_bundle(bundle: _Bundle, body: bytes) -> FhirDocument:
    if body.count(b'"entry"') > 1:
        guard.check_unique_keys(body, only_type="Bundle")
    found = _Found()
    _collect(bundle, "Bundle", found)
    stated = (bundle.meta.last_updated if bundle.meta else None) or bundle.timestamp or ""
    number = (bundle.identifier.value if bundle.identifier else None) or ""
    return FhirDocument(
        type_name=f"Bundle {bundle.type}" if (bundle.type or "").replace("-", "").isalpha() else "Bundle",
        document_id=bundle.id or number,
        message_at=stated,
        resources=tuple(found.resources),
        bad_entries=tuple(found.bad_entries),
        deletions=tuple(found.deletions),
    )


def _collect(bundle: _Bundle, place: str, found: _Found) -> None:
    for index, raw in enumerate(bundle.entry or ()):
        entry_place = f"{place}.entry[{index}]"
        try:
            _read_entry(bytes(raw), entry_place, found)
        except DecodeError as problem:
            found.bad_entries.append(BadEntry(entry_place, problem.reason, bytes(raw)))


def _read_entry(raw: bytes, place: str, found: _Found) -> None:
    entry = _decode_entry(raw)
    request = entry.request
    if request is not None and request.method == "DELETE":
        modified_at = (entry.response.last_modified or "") if entry.response is not None else ""
        found.deletions.append(Deletion(place, request.url or entry.full_url or "", modified_at))
        return
    content = bytes(entry.resource)
    if not content or content == b"null":
        return
    decoded = _decode_any(content)
    if isinstance(decoded, _Bundle):
        if place.count(".entry[") >= MAX_NESTED_BUNDLES:
            raise DecodeError("Bundles nested too deeply")
        _collect(decoded, f"{place}.resource", found)
        return
    guard.check_text(content)
    found.resources.append(Placed(f"{place}.resource", entry.full_url or "", decoded, content))


def _decode_entry(raw: bytes) -> _Entry:
    try:
        return _ENTRY.decode(raw)
    except (msgspec.ValidationError, UnicodeDecodeError) as problem:
        where = _shape_place(problem) if isinstance(problem, msgspec.ValidationError) else ""
        raise DecodeError(f"unexpected shape{where}") from None
    except (msgspec.DecodeError, RecursionError):
        raise DecodeError("not valid JSON") from None
