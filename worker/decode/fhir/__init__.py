"""FHIR JSON, R4 and R5: bytes to typed resources, nothing decided about their meaning. Pure: no I/O, no clock."""

from worker.decode.fhir.document import (
    READ_TYPES,
    BadEntry,
    DecodedResource,
    Deletion,
    FhirDocument,
    OtherResource,
    Placed,
    decode_document,
    decode_resource,
)
from worker.decode.fhir.ndjson import split_ndjson
from worker.decode.fhir.references import Literal, References, parse_literal, usual_patient_id

__all__ = [
    "READ_TYPES",
    "BadEntry",
    "DecodedResource",
    "Deletion",
    "FhirDocument",
    "Literal",
    "OtherResource",
    "Placed",
    "References",
    "decode_document",
    "decode_resource",
    "parse_literal",
    "split_ndjson",
    "usual_patient_id",
]
