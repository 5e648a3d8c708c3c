"""Describe the topics of a site as an AsyncAPI document: from its routes and its two operational topics.

Standard: AsyncAPI 3.0.0, Kafka bindings 0.5.0; CloudEvents 1.0.2 in the binary mode of the Kafka binding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from worker import __version__
from worker.alerts.routing import Route, Routes
from worker.alerts.schemas import schema_components, schema_id
from worker.runtime.notices import KINDS
from worker.sinks.cloudevents import CONTENT_TYPES, WITHOUT_SCHEMA, event_type

Node: TypeAlias = dict[str, Any]  # Any: an AsyncAPI document is nested objects, lists and texts

SCHEMAS = "#/components/schemas/"
_BINDING = "0.5.0"
_DESCRIPTION = (
    "What lpwatch says on the message bus. Each alert version is one CloudEvent. It is delivered at least once: tell repeats "
    "by `ce_id`. The key is the alert, so that its versions follow each other in one partition; the highest version stands. A "
    "withdrawal is a version like any other and goes wherever an earlier version went. That an alert expired, or that another "
    "took its place, is not sent: `window_ends_at` and `context` of the full form tell. An alert that is larger than its topic "
    "takes comes in the minimal form."
)
_MESSAGES = {
    "alert": ("A version of an alert, with everything.", "AlertDocument"),
    "alert-minimal": ("A version of an alert, without anything of the patient.", "MinimalDocument"),
    "alert-fhir": ("A version of an alert as a FHIR R4 transaction Bundle.", ""),
    "dead-letter": ("A message that could not be used, byte for byte.", ""),
    "heartbeat": ("A sign of life of one process.", "HeartbeatDocument"),
}
_DEAD_LETTER_HEADERS = "DeadLetterHeaders"
_FHIR: Node = {
    "type": "object",
    "description": "DetectedIssue and Communication, each with a PUT by its id.",
    "required": ["resourceType", "type", "entry"],
    "properties": {
        "resourceType": {"const": "Bundle"},
        "type": {"const": "transaction"},
        "entry": {"type": "array"},
    },
}
_ANY_BYTES = "application/octet-stream"
_BYTES: Node = {
    "type": "string",
    "format": "binary",
    "description": (
        "HL7 v2 or FHIR as received, which the header `content-type` tells; empty where it was larger than the topic takes."
    ),
}
_PAYLOADS = {"alert-fhir": _FHIR, "dead-letter": _BYTES}


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics that settings name, None where they name none."""

    dead_letters: str | None = None
    heartbeats: str | None = None


_INSTEAD = {"alert": ("alert-minimal",)}
"""What comes in place of a kind that is larger than its topic takes."""


def asyncapi_document(routes: Routes, topics: Topics) -> Node:
    """Describe every topic that a site's routes and settings lead to, in the order of their names."""
    found = dict(sorted({**_alert_topics(routes), **_operational(topics)}.items()))
    kinds = sorted({message for kind, _ in found.values() for message in _carried(kind)})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "lpwatch",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPES["alert"],
        "channels": {
            topic: _channel(topic, kind, description) for topic, (kind, description) in found.items()
        },
        "operations": {f"send.{topic}": _operation(topic, kind) for topic, (kind, _) in found.items()},
        "components": {
            "messages": {kind: _message(kind) for kind in kinds},
            "schemas": schema_components(f"{SCHEMAS}{{name}}"),
        },
    }


def _alert_topics(routes: Routes) -> dict[str, tuple[str, str]]:
    leading: dict[str, list[Route]] = {}
    for route in routes.all:
        leading.setdefault(route.topic, []).append(route)
    return {
        topic: (KINDS[ways[0].variant], " ".join(_way(route, routes) for route in ways))
        for topic, ways in leading.items()
    }


def _operational(topics: Topics) -> dict[str, tuple[str, str]]:
    named = {
        topics.dead_letters: (
            "dead-letter",
            "Messages that could not be used; they are in the quarantine too.",
        ),
        topics.heartbeats: ("heartbeat", "A sign of life of each process, every few seconds."),
    }
    return {topic: said for topic, said in named.items() if topic is not None}


def _way(route: Route, routes: Routes) -> str:
    if route is routes.default:
        return f"Route {route.id}: what no other route takes in full, and alerts whose ward is not known."
    severities = f" of severity {', '.join(sorted(route.severities))}" if route.severities else ""
    units = f" of patients on {', '.join(sorted(route.units))}" if route.units else ""
    houses = f" of {', '.join(sorted(route.facilities))}" if route.facilities else ""
    return f"Route {route.id}: alerts{severities}{units}{houses}."


def _carried(kind: str) -> tuple[str, ...]:
    return (kind, *_INSTEAD.get(kind, ()))


def _channel(topic: str, kind: str, description: str) -> Node:
    return {
        "address": topic,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _carried(kind)},
        "bindings": {"kafka": {"topic": topic, "bindingVersion": _BINDING}},
    }


def _operation(topic: str, kind: str) -> Node:
    channel = f"#/channels/{topic}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in _carried(kind)],
    }


def _message(kind: str) -> Node:
    summary, shape = _MESSAGES[kind]
    content_type = CONTENT_TYPES.get(kind)
    payload = {"$ref": f"{SCHEMAS}{shape}"} if shape else _PAYLOADS[kind]
    return {
        "name": event_type(kind),
        "title": kind,
        "summary": summary,
        "contentType": content_type or _ANY_BYTES,
        "headers": _headers(kind, content_type),
        "payload": payload,
        "bindings": {"kafka": {"key": _key(kind), "bindingVersion": _BINDING}},
    }


def _key(kind: str) -> Node:
    said = "The id of the alert." if kind in KINDS.values() else "The subject of the event."
    return {"type": "string", "description": said}


def _headers(kind: str, content_type: str | None) -> Node:
    """Describe the headers: those of CloudEvents, and those of a dead letter."""
    made: Node = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {
            "type": "string",
            "minLength": 1,
            "description": "The same for every delivery of this notice.",
        },
        "ce_source": {"type": "string", "minLength": 1, "description": "The setting `source`."},
        "ce_type": {"type": "string", "const": event_type(kind)},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "description": "The id of the alert; else what the event is about."},
        "content-type": {"type": "string", "const": content_type} if content_type else {"type": "string"},
    }
    if kind not in WITHOUT_SCHEMA:
        made["ce_dataschema"] = {"type": "string", "const": schema_id(kind)}
    described: Node = {"type": "object", "required": sorted(made), "properties": made}
    if kind == "dead-letter":
        return {"allOf": [described, {"$ref": f"{SCHEMAS}{_DEAD_LETTER_HEADERS}"}]}
    return described
