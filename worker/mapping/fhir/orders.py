"""Order numbers by which records of one puncture find each other. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable

from worker.decode.fhir import parse_literal
from worker.decode.fhir.datatypes import Identifier, Reference

PUNCTURE = "lumbar-puncture"
_ORDER = "ServiceRequest"


def order_numbers(
    based_on: Iterable[Reference] | None, identifiers: Iterable[Identifier] | None = None, own_id: str = ""
) -> tuple[str, ...]:
    """Return the numbers of an order, sorted: references to it ("ServiceRequest/5"), and the numbers it goes by.

    Shape: business numbers without their system, as HL7 v2 has them in ORC-2 and ORC-3.
    """
    found = {f"{_ORDER}/{own_id}"} if own_id else set()
    for reference in based_on or ():
        literal = parse_literal(reference.reference or "")
        if literal is not None and literal.type == _ORDER:
            found.add(f"{_ORDER}/{literal.id}")
        if reference.identifier is not None and reference.identifier.value:
            found.add(reference.identifier.value)
    found.update(identifier.value for identifier in identifiers or () if identifier.value)
    return tuple(sorted(found))
