"""The FHIR data types that resources are built from, as far as lpwatch reads them. Pure: no I/O, no clock.

Partial on purpose: unknown elements are skipped, `null` counts as absent, and R4 and R5 shapes fit the same structs.
Source: HL7 FHIR R4 (4.0.1) and R5 (5.0.0), "Data Types".
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Element(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """Root of all FHIR structs: immutable, camelCase on the wire."""


class Coding(Element, frozen=True):
    """One code of one code system."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Element, frozen=True):
    """A thing said by codes, by text, or both."""

    coding: tuple[Coding, ...] | None = None
    text: str | None = None

    @property
    def codings(self) -> tuple[Coding, ...]:
        """Return the codings, none as an empty tuple."""
        return self.coding or ()


class Period(Element, frozen=True):
    """A time from start to end, either may be missing."""

    start: str | None = None
    end: str | None = None


class Timing(Element, frozen=True):
    """A schedule; only stated events are read, repetition rules are not."""

    event: tuple[str | None, ...] | None = None


class Identifier(Element, frozen=True):
    """A business identifier."""

    use: str | None = None
    type: CodeableConcept | None = None
    system: str | None = None
    value: str | None = None


class Reference(Element, frozen=True):
    """A pointer to another resource, by place or by business identifier."""

    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class CodeableReference(Element, frozen=True):
    """The R5 pair of a concept and a reference."""

    concept: CodeableConcept | None = None
    reference: Reference | None = None


class FlexibleConcept(CodeableConcept, frozen=True):
    """An element that is a CodeableConcept in R4 and a CodeableReference in R5."""

    concept: CodeableConcept | None = None
    reference: Reference | None = None

    @property
    def stated(self) -> CodeableConcept:
        """Return the concept in whichever shape it came."""
        return self.concept or self


class Quantity(Element, frozen=True):
    """A measured amount; the number keeps its text, because 37.50 and 37.5 are reported differently."""

    value: msgspec.Raw = msgspec.Raw()
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None

    @property
    def number_text(self) -> str:
        """Return the number as the source wrote it; a quoted number loses its quotes, `null` and absent are empty."""
        text = bytes(self.value).decode("utf-8", "replace")
        return "" if text == "null" else text.strip('" ')


class Range(Element, frozen=True):
    """Two bounds of an amount."""

    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Element, frozen=True):
    """A relation of two amounts, such as a titre."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Attachment(Element, frozen=True):
    """Content of a document: inline as base64, or elsewhere."""

    content_type: str | None = None
    data: str | None = None
    url: str | None = None
    title: str | None = None
    creation: str | None = None


class Annotation(Element, frozen=True):
    """A remark in words."""

    text: str | None = None
    time: str | None = None


class Meta(Element, frozen=True):
    """What the server says of a resource's version."""

    version_id: str | None = None
    last_updated: str | None = None


class PatientMeta(Meta, frozen=True):
    """What the server says of a Patient's version, and whether it left something out of it."""

    tag: tuple[Coding, ...] | None = None
    security: tuple[Coding, ...] | None = None

    @property
    def labels(self) -> set[str]:
        """Return the codes of all tags and security labels."""
        return {coding.code or "" for coding in (*(self.tag or ()), *(self.security or ()))}


ClassOrClasses: TypeAlias = Coding | tuple[CodeableConcept, ...]
"""`Encounter.class`: one Coding in R4, a list of CodeableConcept in R5."""
