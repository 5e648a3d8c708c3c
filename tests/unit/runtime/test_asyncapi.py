"""The AsyncAPI document: every topic of the routes, every header that is sent, every shape of what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tools.asyncapi import TOPICS, document, text
from worker.alerts.routing import Route, Routes, Variant
from worker.model.alert import Notice
from worker.model.dead_letter import DeadLetter, encode_dead_letter
from worker.model.message import Form
from worker.runtime.asyncapi import Topics, asyncapi_document
from worker.sinks.cloudevents import attributes, event
from worker.storage.records import PendingNotice

SITE = Routes(
    Route("default", "all"),
    (
        Route("amu", "wards", units=frozenset({"amu"})),
        Route("ehr", "ehr", Variant.FHIR),
        Route("itu", "wards", units=frozenset({"itu"}), severities=frozenset({"urgent", "emergent"})),
        Route("pager", "pager", Variant.MINIMAL),
    ),
)
WHOLE = asyncapi_document(SITE, Topics("dead", "alive"))


def resolved(node: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Put what references point to in their place."""
    if isinstance(node, list):
        return [resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target: Any = WHOLE
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return resolved(target)
    return {key: resolved(value) for key, value in node.items()}


def test_the_page_is_current(root: Path) -> None:
    # Write it anew with: python -m tools.asyncapi
    assert (root / "docs" / "asyncapi.yaml").read_text(encoding="utf-8") == text()
    assert {TOPICS.dead_letters, TOPICS.heartbeats, "lpwatch.alerts"} == document()["channels"].keys()


def test_each_topic_is_a_channel_with_the_form_that_its_route_says() -> None:
    kinds = {topic: [*channel["messages"]] for topic, channel in WHOLE["channels"].items()}
    assert kinds == {
        "alive": ["heartbeat"],
        "all": ["alert", "alert-minimal"],
        "dead": ["dead-letter"],
        "ehr": ["alert-fhir"],
        "pager": ["alert-minimal"],
        "wards": ["alert", "alert-minimal"],
    }
    assert WHOLE["channels"]["wards"]["description"] == (
        "Route amu: alerts of patients on amu. "
        "Route itu: alerts of severity emergent, urgent of patients on itu."
    )
    assert WHOLE["channels"]["all"]["description"].startswith(
        "Route default: what no other route takes in full"
    )
    assert [one["channel"]["$ref"] for one in WHOLE["operations"].values()] == [
        f"#/channels/{topic}" for topic in sorted(kinds)
    ]


def test_topics_that_nobody_set_are_not_described() -> None:
    assert asyncapi_document(Routes(Route("default", "all")), Topics())["channels"].keys() == {"all"}


@pytest.mark.parametrize("kind", ["alert", "alert-minimal", "alert-fhir", "dead-letter", "heartbeat"])
def test_the_headers_that_are_sent_are_those_described(kind: str) -> None:
    if kind == "heartbeat":
        sent = attributes(kind, "h1", "/lpwatch", 0, "worker-1")
    else:
        letter = encode_dead_letter(DeadLetter(b"MSH", Form.HL7V2, "mllp:1", 0, "no PID segment"))
        body = letter if kind == "dead-letter" else b"{}"
        notice = PendingNotice(Notice("a1.1", "a1", 1, body), 0, "topic", kind, 0)
        sent = event(notice, "/lpwatch", {"alert-fhir": lambda notice: notice.body}).headers
    headers = {name: value.decode() for name, value in sent}
    described = resolved(WHOLE["components"]["messages"][kind]["headers"])
    jsonschema.validate(headers, described)
    parts = described.get("allOf", [described])
    assert {name for part in parts for name in part["required"]} == headers.keys()
    assert WHOLE["components"]["messages"][kind]["name"] == headers["ce_type"]
