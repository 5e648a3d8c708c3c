"""What a FHIR client is answered: OperationOutcome, the response to a batch or transaction, CapabilityStatement.

How a deletion, which comes without a body, is stored stands here too. No answer holds anything of what was sent.
Source: HL7 FHIR R4 (4.0.1) "OperationOutcome", "Bundle", "CapabilityStatement", "RESTful API".
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec

from worker.decode.fhir import READ_TYPES
from worker.decode.fhir.envelope import Envelope
from worker.model.time import EpochMs, to_rfc3339

CONTENT_TYPE: Final = "application/fhir+json"

_KEPT = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# http://hl7.org/fhir/issue-type
_ISSUE_TYPES: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "invalid",
    HTTPStatus.UNAUTHORIZED: "login",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "not-supported",
    HTTPStatus.REQUEST_TIMEOUT: "timeout",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too-long",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "not-supported",
    HTTPStatus.UNPROCESSABLE_ENTITY: "structure",
    HTTPStatus.TOO_MANY_REQUESTS: "throttled",
    HTTPStatus.SERVICE_UNAVAILABLE: "transient",
}
_STORED = "stored; what it says is read later, and what cannot be read is shown to this system's operators"


def refusal(status: int, text: str) -> bytes:
    """Say why a request was refused."""
    return _outcome("error", _ISSUE_TYPES.get(status, "exception"), text)


def stored() -> bytes:
    """Say that a document is stored."""
    return _outcome("information", "informational", _STORED)


def stored_bundle(envelope: Envelope) -> bytes:
    """Answer a batch or a transaction, entry by entry: all of it is stored, in one piece; nothing can be read back."""
    entries = [{"response": {"status": _entry_status(method)}} for method in envelope.methods]
    bundle: dict[str, object] = {"resourceType": "Bundle", "type": f"{envelope.bundle_type}-response"}
    if entries:
        bundle["entry"] = entries
    return msgspec.json.encode(bundle)


def deletion(type_name: str, id_: str, at_ms: EpochMs) -> bytes:
    """Write the deletion of a resource as a batch of one entry."""
    entry = {"request": {"method": "DELETE", "url": f"{type_name}/{id_}"}}
    return msgspec.json.encode(
        {"resourceType": "Bundle", "type": "batch", "timestamp": to_rfc3339(at_ms), "entry": [entry]}
    )


def capability_statement() -> bytes:
    """Say what can be asked of the receiver."""
    interactions = [{"code": "create"}, {"code": "update"}, {"code": "delete"}]
    rest = {
        "mode": "server",
        "documentation": "Takes what it is sent and stores it before it answers. Nothing can be read back.",
        "resource": [
            {"type": name, "interaction": interactions, "updateCreate": True} for name in sorted(READ_TYPES)
        ],
        "interaction": [{"code": "transaction"}, {"code": "batch"}],
    }
    return msgspec.json.encode(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": "2026-11-22",
            "kind": "instance",
            "software": {"name": "lpwatch"},
            "implementation": {"description": "lpwatch, a receiver of clinical messages"},
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [rest],
        }
    )


def _outcome(severity: str, code: str, text: str) -> bytes:
    issue = {"severity": severity, "code": code, "diagnostics": text}
    return msgspec.json.encode({"resourceType": "OperationOutcome", "issue": [issue]})


def _entry_status(method: str) -> str:
    return "202 Accepted" if method in _KEPT else "405 Method Not Allowed"
