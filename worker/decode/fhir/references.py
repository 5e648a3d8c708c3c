"""Find what a FHIR reference points to inside its own document. Pure: no I/O, no clock.

Source: HL7 FHIR R4 (4.0.1), "References" and "Bundle: resolving references".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from worker.decode.fhir.document import FhirDocument, Placed, decode_resource
from worker.decode.fhir.resources import Resource
from worker.model.errors import DecodeError

_LITERAL = re.compile(
    r"(?:(?P<base>https?://.+)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.\-]{1,64})(?:/_history/[^/]+)?",
)

_USUAL, _USUAL_LENGTH = "Patient/", 64


class Literal(NamedTuple):
    """A reference that names type and id; `base` is the server where it is absolute."""

    base: str
    type: str
    id: str


def usual_patient_id(reference: str) -> str:
    """Return the id of a reference in the form that nearly all have, "Patient/1" with letters and digits, else ""."""
    number = reference[len(_USUAL) :]
    is_usual = (
        reference.startswith(_USUAL)
        and number.isalnum()
        and number.isascii()
        and len(reference) <= _USUAL_LENGTH
    )
    return number if is_usual else ""


def parse_literal(reference: str) -> Literal | None:
    """Read "Patient/1", "https://server/fhir/Patient/1" or either with a version; None for any other form."""
    number = usual_patient_id(reference)
    if number:
        return Literal("", "Patient", number)
    found = _LITERAL.fullmatch(reference)
    if found is None:
        return None
    return Literal(found["base"] or "", found["type"], found["id"])


class References:
    """Look up references among the resources of one document; the index is built at the first look."""

    __slots__ = ("_by_name", "_document")

    def __init__(self, document: FhirDocument) -> None:
        self._document = document
        self._by_name: dict[str, Placed] | None = None

    def resolve(self, reference: str, owner: Resource) -> Resource | None:
        """Return the resource that `reference`, found in `owner`, points to; None where the document does not hold it."""
        if reference.startswith("#"):
            return _find_contained(reference[1:], owner)
        placed = self._index().get(reference) or self._index().get(_without_version(reference))
        return placed.resource if placed is not None and isinstance(placed.resource, Resource) else None

    def _index(self) -> dict[str, Placed]:
        if self._by_name is None:
            self._by_name = {}
            for placed in self._document.resources:
                for name in _names(placed):
                    self._keep_newest(name, placed)
        return self._by_name

    def _keep_newest(self, name: str, placed: Placed) -> None:
        """Keep one resource for each name, the same one in whatever order the Bundle lists them."""
        index = self._by_name
        if index is None:
            return
        known = index.get(name)
        if known is None or _age(known) < _age(placed):
            index[name] = placed


def _names(placed: Placed) -> tuple[str, ...]:
    """Return the names by which others may point to a resource: its fullUrl and Type/id."""
    by_id = f"{placed.resource.type_name}/{placed.resource.id}" if placed.resource.id else ""
    return tuple(name for name in (placed.full_url, by_id) if name)


def _age(placed: Placed) -> tuple[str, bytes]:
    meta = placed.resource.meta
    return ((meta.last_updated or "") if meta else "", placed.raw)


def _without_version(reference: str) -> str:
    return reference.partition("/_history/")[0]


def _find_contained(contained_id: str, owner: Resource) -> Resource | None:
    for raw in owner.contained or ():
        try:
            resource = decode_resource(bytes(raw))
        except DecodeError:
            continue
        if resource.id == contained_id and isinstance(resource, Resource):
            return resource
    return None
