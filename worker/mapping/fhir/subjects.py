"""Who a FHIR resource is about. Pure: no I/O, no clock. Source: HL7 FHIR R4, "References", `Patient`, `Identifier`.

Facts are filed under the server's own number of the patient ("Patient/123" → authority `<feed>|Patient`) wherever a
reference names one, so that one statement has one key however it arrives; business identifiers join by links.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from worker.decode.fhir import Literal, References, parse_literal, usual_patient_id
from worker.decode.fhir.datatypes import Identifier as WrittenIdentifier
from worker.decode.fhir.datatypes import Reference
from worker.decode.fhir.resource_types import known_type
from worker.decode.fhir.resources import Patient, Resource
from worker.mapping.feeds import Feed
from worker.mapping.identity import Number
from worker.model.fact import Identifier

PATIENT = "Patient"


class Subject(msgspec.Struct, frozen=True, gc=False):
    """The identifiers that a reference gives of one patient, the one to file facts under first.

    Shape: without identifiers `reason` says why; `is_other` tells that the subject is known to be no patient.
    """

    identifiers: tuple[Identifier, ...] = ()
    reason: str = ""
    is_other: bool = False


NOBODY = Subject(reason="no patient named")
UNRESOLVED = Subject(reason="patient reference cannot be resolved")


def server_number(feed: Feed, literal: Literal) -> Identifier:
    """Return the identifier that a literal reference is: the feed's server, unless the feed declares its base elsewhere.

    Shape: a feed is one server, so an absolute reference and a relative one are the same number. A row of the feed's
    authorities whose `system` is the absolute URL without the id names another server's numbers.
    """
    if literal.base:
        place = f"{literal.base}/{literal.type}"
        declared = next((row.name for row in feed.authorities.rows if row.system == place), "")
        if declared:
            return Identifier(declared, literal.id)
    return Identifier(f"{feed.id}|{PATIENT}", literal.id)


def is_server_number(feed: Feed, identifier: Identifier) -> bool:
    """Tell whether this is the number of a Patient on the feed's own server."""
    return identifier.authority == f"{feed.id}|{PATIENT}"


def business_numbers(feed: Feed, written: Iterable[WrittenIdentifier]) -> tuple[Identifier, ...]:
    """Turn business identifiers into identifiers under the feed's names of authorities; temporary ones name nobody for long."""
    numbers = (
        Number(identifier.value or "", type=_type_code(identifier), system=identifier.system or "")
        for identifier in written
        if identifier.use != "temp"
    )
    return feed.authorities.identifiers(numbers, feed.id)


def patient_identifiers(feed: Feed, patient: Patient) -> tuple[Identifier, ...]:
    """Return all identifiers of a Patient resource: the server's number, then the business identifiers."""
    own = (Identifier(f"{feed.id}|{PATIENT}", patient.id),) if patient.id else ()
    return (*own, *business_numbers(feed, patient.identifier or ()))


def find_subject(feed: Feed, references: References, reference: Reference | None, owner: Resource) -> Subject:
    """Say who a `subject` or `patient` element is about."""
    if reference is None:
        return NOBODY
    by_reference = _referenced(feed, references, reference, owner)
    if by_reference.is_other or reference.identifier is None:
        return by_reference
    named = business_numbers(feed, (reference.identifier,))
    if by_reference.identifiers or named:
        return Subject((*by_reference.identifiers, *named))
    return by_reference


def _referenced(feed: Feed, references: References, reference: Reference, owner: Resource) -> Subject:
    text = reference.reference or ""
    if not text:
        return _by_type(reference.type)
    number = usual_patient_id(text)
    if number:
        return Subject((Identifier(f"{feed.id}|{PATIENT}", number),))
    literal = parse_literal(text)
    if literal is not None:
        return _by_literal(feed, literal)
    if text.startswith("Patient?"):
        return _by_search(feed, text)
    found = references.resolve(text, owner)
    if isinstance(found, Patient):
        # A contained resource has no number of its own: its id means nothing outside its owner.
        contained = text.startswith("#")
        known = (
            business_numbers(feed, found.identifier or ()) if contained else patient_identifiers(feed, found)
        )
        return Subject(known) if known else UNRESOLVED
    return UNRESOLVED if found is None else _by_type(found.type_name)


def _by_type(type_name: str | None) -> Subject:
    if type_name and type_name != PATIENT and type_name.isalnum():
        return Subject(reason=f"subject is a {known_type(type_name)}", is_other=True)
    return NOBODY


def _by_literal(feed: Feed, literal: Literal) -> Subject:
    return Subject((server_number(feed, literal),)) if literal.type == PATIENT else _by_type(literal.type)


def _by_search(feed: Feed, text: str) -> Subject:
    """Read a conditional reference, "Patient?identifier=system|value"."""
    for condition in text.partition("?")[2].split("&"):
        name, _, wanted = condition.partition("=")
        if name == "identifier":
            system, bar, value = wanted.rpartition("|")
            number = WrittenIdentifier(system=system if bar else None, value=value)
            return Subject(business_numbers(feed, (number,)))
    return UNRESOLVED


def _type_code(identifier: WrittenIdentifier) -> str:
    """Return the code of `Identifier.type` (table 0203), as PID-3.5 has it."""
    codings = identifier.type.codings if identifier.type else ()
    return next((coding.code for coding in codings if coding.code), "")
