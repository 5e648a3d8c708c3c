"""Alerts as FHIR R4: a `DetectedIssue` for the alert, a `Communication` for each notice of it.

The DetectedIssue keeps its id over all versions, so that a server that is told of a withdrawal replaces what it had; a
Communication has the id of its notice, so that sending it again changes nothing. Values and records stand inside the
DetectedIssue (`contained`), and the patient is named by identifier: we know no ids of the server's own resources.

| alert | DetectedIssue.status |
|---|---|
| first version | final |
| later versions | amended |
| withdrawn | entered-in-error |
| speaks through another one, because two LPs turned out to be one | entered-in-error |

ADR 0013 says why. Source: HL7 FHIR R4 (4.0.1) DetectedIssue, Communication, Observation, Procedure, Bundle; value sets
observation-status, detectedissue-severity, request-priority, event-status, communication-category.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import NAMESPACE_URL, uuid5

import msgspec
from pydantic import ValidationError

from worker.alerts.documents import AlertDocument, EvidenceDocument, IdentifierDocument
from worker.model.alert import AlertState, Notice
from worker.model.errors import LpwatchError
from worker.model.fact import PunctureStatus
from worker.rules.words import with_unit
from worker.sinks.fhir_narrative import (
    SAME_LP,
    as_xhtml,
    evidence_text,
    is_void,
    is_without_hour,
    lines_of,
    only_known_to,
)

ALERT_SYSTEM = "urn:lpwatch:alert"
NOTICE_SYSTEM = "urn:lpwatch:notice"
RULE_SYSTEM = "urn:lpwatch:rule"
UCUM = "http://unitsofmeasure.org"

# How harmful, which FHIR asks, is not how soon, which we say: what may be meningitis is never less than high.
SEVERITIES = {"emergent": "high", "urgent": "high", "routine": "moderate", "info": "low"}
PRIORITIES = {"emergent": "stat", "urgent": "urgent", "routine": "routine", "info": "routine"}
_RESULTS = {"preliminary": "preliminary", "final": "final", "corrected": "corrected"}
_PUNCTURES = {PunctureStatus.COMPLETED: "completed", PunctureStatus.ATTEMPTED: "stopped"}
_ALERT_CATEGORY = {
    "system": "http://terminology.hl7.org/CodeSystem/communication-category",
    "code": "alert",
    "display": "Alert",
}
_LUMBAR_PUNCTURE = {
    "system": "http://snomed.info/sct",
    "code": "277762005",
    "display": "Lumbar puncture",
}

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_MEDICAL_RECORD = frozenset({"MR", "MRN"})
_LP = "lp"
_IN_ERROR = "entered-in-error"

_decode = msgspec.json.Decoder(AlertDocument).decode
_encode = msgspec.json.Encoder().encode


class Resource(NamedTuple):
    """One resource, ready to be PUT to `{type}/{id}`."""

    type: str
    id: str
    body: bytes

    @property
    def path(self) -> str:
        """Return where it belongs below the base of a server."""
        return f"{self.type}/{self.id}"


def fhir_resources(notice: Notice) -> tuple[Resource, ...]:
    """Make the DetectedIssue and the Communication of a notice, in the order in which a server takes them.

    Shape: the body of the notice is a full alert. Behind the two stands a DetectedIssue for each alert that it speaks for
    since their LPs turned out to be one: it closes what a server has of that.
    Raises: LpwatchError where it is none, or no resource can be made of it.
    """
    return tuple(Resource(made["resourceType"], made["id"], _encode(made)) for made in _made(notice))


def fhir_bundle(notice: Notice) -> bytes:
    """Make a transaction Bundle of them, which a server takes as it is, as often as it comes.

    Raises: LpwatchError as `fhir_resources` does.
    """
    from fhir.resources.R4B.bundle import Bundle  # noqa: PLC0415 - slow to import, for those who send FHIR

    resources = _made(notice)
    urls = [_url(resource) for resource in resources]
    told = resources[1]
    # Inside a Bundle references go by the full URLs; a server puts its own in their place.
    told["about"][0] = {"reference": urls[0]}
    entries = [
        {
            "fullUrl": url,
            "resource": resource,
            "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
        }
        for url, resource in zip(urls, resources, strict=True)
    ]
    bundle = {"resourceType": "Bundle", "id": notice.notice_id, "type": "transaction", "entry": entries}
    return _encode(_build(Bundle, bundle))


def _url(resource: Mapping[str, Any]) -> str:  # Any: FHIR JSON
    """Name a resource anywhere: the same for all Bundles that hold it."""
    name = f"urn:lpwatch:{resource['resourceType']}:{resource['id']}"
    return f"urn:uuid:{uuid5(NAMESPACE_URL, name)}"


def _made(notice: Notice) -> list[dict[str, Any]]:  # Any: FHIR JSON
    from fhir.resources.R4B.communication import Communication  # noqa: PLC0415 - see `fhir_bundle`
    from fhir.resources.R4B.detectedissue import DetectedIssue  # noqa: PLC0415 - see `fhir_bundle`

    try:
        alert = _decode(notice.body)
    except msgspec.DecodeError:
        raise LpwatchError("not a full alert; FHIR cannot be made of it", "fhir") from None
    if not (_ID.fullmatch(alert["alert_id"]) and _ID.fullmatch(notice.notice_id)):
        raise LpwatchError("an id that FHIR does not allow", "fhir")
    lines = lines_of(alert)
    return [
        _build(DetectedIssue, _issue(alert, lines)),
        _build(Communication, _communication(alert, notice.notice_id, lines)),
        *(_build(DetectedIssue, _closed(alert_id, alert)) for alert_id in alert.get("joined", ())),
    ]


class _Built(Protocol):
    def model_dump_json(self) -> str: ...


class _Model(Protocol):
    def model_validate(self, obj: object, /) -> _Built: ...


def _build(model: _Model, resource: dict[str, Any]) -> dict[str, Any]:  # Any: FHIR JSON
    """Let fhir.resources build a resource, which refuses what has not the shape of its type."""
    try:
        built = model.model_validate(resource)
    except ValidationError as error:
        # The text of the error repeats the values.
        places = {".".join(map(str, detail["loc"])) for detail in error.errors()}
        reason = f"no {resource['resourceType']} can be made of it"
        raise LpwatchError(reason, ", ".join(sorted(places)[:3])) from None
    made: dict[str, Any] = msgspec.json.decode(built.model_dump_json())  # Any: FHIR JSON
    return made


def _issue(alert: AlertDocument, lines: Sequence[str]) -> dict[str, Any]:  # Any: FHIR JSON
    subject = _subject(alert)
    values = [_observation(f"e{number}", item, alert) for number, item in enumerate(alert["evidence"], 1)]
    evidence = [
        {"code": [{"text": value["code"]["text"]}], "detail": [{"reference": f"#{value['id']}"}]}
        for value in values
    ]
    return _without_empty(
        {
            "resourceType": "DetectedIssue",
            "id": alert["alert_id"],
            "text": {"status": "generated", "div": as_xhtml(lines)},
            "contained": [_procedure(alert, subject), *values],
            "identifier": [{"system": ALERT_SYSTEM, "value": alert["alert_id"]}],
            "status": _status(alert),
            "code": _code(alert),
            "severity": SEVERITIES[alert["severity"]],
            "patient": subject,
            "identifiedDateTime": alert["raised_at"],
            "implicated": [{"reference": f"#{_LP}"}],
            "evidence": evidence,
            "detail": "\n".join(lines),
        }
    )


def _closed(alert_id: str, alert: AlertDocument) -> dict[str, object]:
    """Close an alert that was told of the same LP when it was taken for another one, and say which one goes on."""
    lines = [f"CLOSED: {alert['rule']['title']}", f"{SAME_LP}: alert {alert['alert_id']} goes on."]
    return {
        "resourceType": "DetectedIssue",
        "id": alert_id,
        "text": {"status": "generated", "div": as_xhtml(lines)},
        "identifier": [{"system": ALERT_SYSTEM, "value": alert_id}],
        "status": _IN_ERROR,
        "code": _code(alert),
        "patient": _subject(alert),
        "implicated": [_named(alert["alert_id"], alert["rule"]["title"])],
        "detail": "\n".join(lines),
    }


def _code(alert: AlertDocument) -> dict[str, object]:
    rule = alert["rule"]
    coding = {"system": RULE_SYSTEM, "version": str(rule["version"]), "code": rule["id"]}
    return {"coding": [coding], "text": rule["title"]}


def _status(alert: AlertDocument) -> str:
    if alert["state"] == AlertState.WITHDRAWN:
        return _IN_ERROR
    return "final" if alert["version"] == 1 else "amended"


def _communication(
    alert: AlertDocument, notice_id: str, lines: Sequence[str]
) -> dict[str, Any]:  # Any: FHIR JSON
    visit = {"type": "Encounter", "identifier": {"value": alert["encounter"]}} if alert["encounter"] else None
    return _without_empty(
        {
            "resourceType": "Communication",
            "id": notice_id,
            "text": {"status": "generated", "div": as_xhtml(lines)},
            "identifier": [{"system": NOTICE_SYSTEM, "value": notice_id}],
            "status": "completed",
            "category": [{"coding": [_ALERT_CATEGORY]}],
            "priority": PRIORITIES[alert["severity"]],
            "subject": _subject(alert),
            "topic": {"text": alert["rule"]["title"]},
            "about": [{"reference": f"DetectedIssue/{alert['alert_id']}"}, *_also_about(alert)],
            "encounter": visit,
            "sent": alert["updated_at"],
            "reasonCode": [{"text": alert["reason"]}] if alert["reason"] else None,
            "payload": [{"contentString": "\n".join(lines)}],
        }
    )


def _also_about(alert: AlertDocument) -> list[dict[str, object]]:
    return [_named(other["alert_id"], other["title"]) for other in alert.get("also_open", [])]


def _named(alert_id: str, title: str) -> dict[str, object]:
    """Refer to another alert by identifier: a server that was not told of it must not refuse this one."""
    identifier = {"system": ALERT_SYSTEM, "value": alert_id}
    return {"type": "DetectedIssue", "identifier": identifier, "display": title}


def _procedure(alert: AlertDocument, subject: Mapping[str, object]) -> dict[str, object]:
    lp = alert["lp"]
    status = "unknown" if lp["is_presumed"] else _PUNCTURES.get(PunctureStatus(lp["status"]), "unknown")
    if is_void(alert):
        status = _IN_ERROR
    inexact = _inexact(lp["at"], lp["precision"])
    made = {
        "resourceType": "Procedure",
        "id": _LP,
        "status": status,
        "code": {"coding": [_LUMBAR_PUNCTURE], "text": "Lumbar puncture"},
        "subject": subject,
        "performedDateTime": None if inexact else lp["at"],
        "note": inexact,
    }
    return _without_empty(made)


def _inexact(at: str, precision: str) -> list[dict[str, str]]:
    """Say how little is known of a time, nothing where it is known to the minute."""
    return [{"text": only_known_to(at, precision)}] if is_without_hour(precision) else []


def _observation(
    local_id: str, item: EvidenceDocument, alert: AlertDocument
) -> dict[str, Any]:  # Any: FHIR JSON
    """Write one piece of evidence; its concept is ours, so that it stands as text and no code is claimed.

    It holds what was told. A value that was corrected or taken back since is in error, whatever stands in its place.
    """
    is_in_error = any(item == gone["was"] for gone in alert.get("taken_back", []))
    value, unit = item["value"], item["unit"]
    inexact = _inexact(item["effective_at"], item["precision"])
    made: dict[str, Any] = {  # Any: FHIR JSON
        "resourceType": "Observation",
        "id": local_id,
        "status": _IN_ERROR if is_in_error else _RESULTS.get(item["result_status"], "unknown"),
        "code": {"text": item["concept"]},
        "subject": _subject(alert),
        "effectiveDateTime": None if inexact else item["effective_at"],
        "specimen": {"display": item["specimen"]} if item["specimen"] else None,
        "note": [{"text": evidence_text(item, alert["lp"])}, *inexact],
    }
    if isinstance(value, (int, float)):
        shown = unit if with_unit("", unit) else None
        quantity = {"value": value, "comparator": item["comparator"] or None, "unit": shown}
        coded = {"system": UCUM, "code": unit} if unit else {}
        made["valueQuantity"] = _without_empty(quantity | coded)
    elif value:
        made["valueCodeableConcept"] = {"text": value}
    return _without_empty(made)


def _subject(alert: AlertDocument) -> dict[str, object]:
    """Name the patient by one number: a reference has room for one; the narrative lists all."""
    numbers = alert["patient"]
    first = next((number for number in numbers if number["type"] in _MEDICAL_RECORD), None)
    chosen = first or (numbers[0] if numbers else None)
    if chosen is None:
        return {"type": "Patient", "display": "not identified"}
    return {"type": "Patient", "identifier": _identifier(chosen)}


def _identifier(number: IdentifierDocument) -> dict[str, object]:
    """Write a number; who issued it is a `system` where that is an URI or OID, else only shown."""
    authority = number["authority"]
    system = (
        authority
        if _URI.fullmatch(authority)
        else f"urn:oid:{authority}"
        if _OID.fullmatch(authority)
        else None
    )
    shown = {"display": authority} if authority and system is None else None
    return _without_empty({"system": system, "value": number["value"], "assigner": shown})


def _without_empty(made: Mapping[str, Any]) -> dict[str, Any]:  # Any: FHIR JSON
    """Leave out what is not there: FHIR allows no null and no empty list."""
    return {key: value for key, value in made.items() if value not in (None, [], {}, "")}
